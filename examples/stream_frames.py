"""Hide faces in frames while they come: python stream_frames.py HOST:PORT VIDEO OUT.mp4.

For pictures that are not a file yet, such as a camera's. A file is better sent whole:
Client.anonymize looks at it forwards and backwards, keeps the sound and audits the result.
"""

import sys
from collections import Counter
from fractions import Fraction

import av

from synthaug import client

address, source, target = sys.argv[1:]


def frames(video):
    """Seconds and RGB of each frame; the answers set the pace."""
    for frame in video.decode(video=0):
        yield float(frame.time), frame.to_ndarray(format="rgb24")


drawn = Counter()
with (
    client.connect(address) as server,
    av.open(source) as video,
    av.open(target, "w") as out,
):
    shown = video.streams.video[0]
    stream = out.add_stream("libx264", rate=shown.average_rate or Fraction(25))
    stream.width, stream.height, stream.pix_fmt = shown.width, shown.height, "yuv420p"
    for answer in server.anonymize_frames(frames(video)):
        drawn.update(answer.replaced)
        out.mux(stream.encode(av.VideoFrame.from_ndarray(answer.frame, format="rgb24")))
    out.mux(stream.encode())

print(f"{target}: faces drawn: {dict(drawn)}")
