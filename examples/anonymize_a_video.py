"""Hide every face of a video, then look at what was done: python anonymize_a_video.py VIDEO OUT.

To leave somebody as they are, pass keep=["me.jpg"]; to hide one person only, only=["them.jpg"].
"""

import sys

import synthaug

source, output = sys.argv[1:3]
result = synthaug.anonymize(source, output, force=True)

(file,) = result.files
print(f"{file.rendered.frames} frames, {len(file.rendered.rungs)} faces followed and hidden")
for track, rungs in file.rendered.rungs.items():
    drawn = ", ".join(f"{frames} frames by {rung}" for rung, frames in rungs.items())
    print(f"  face {track}: {drawn}")
for what in file.rendered.left_out:
    print(f"left out: {what}")

# The written file was decoded again beside its source.
for verdict in file.audit.verdicts:
    print(f"{verdict.gate}: {verdict.status}: {verdict.why}")
print(f"report: {file.report}/report.html" if file.report else "no report")

# 0: nobody is open. 4: somebody may be. 6: the source broke off.
sys.exit(result.exit_code)
