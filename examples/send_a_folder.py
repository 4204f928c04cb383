"""Have a server balance a folder: python send_a_folder.py HOST:PORT FOLDER OUT BUDGET [TOKEN].

Stopped in the middle, the same command goes on: upload, job and download are resumed.
"""

import sys

from synthaug import client
from synthaug.errors import SynthaugError


class Lines:
    """Prints what the server tells."""

    def on_progress(self, event):
        """Print one message."""
        share = f" {event.images_seen / event.total:.0%}" if event.total else ""
        print(event.message or f"{event.phase}{share}")


address, folder, out, budget, *token = sys.argv[1:]
try:
    with client.connect(address, *token) as server:
        balanced = server.augment(
            folder, "balance", budget=budget, out=out, seed=0, callbacks=[Lines()]
        )
        # The job, its report and its generator stay on the server until they expire.
        job = server.jobs()[0]
        print(job.name, job.state, "until", job.expires)
except SynthaugError as error:
    print(error, file=sys.stderr)  # one line, and what to do
    sys.exit(error.exit_code)

print(balanced.summary())
