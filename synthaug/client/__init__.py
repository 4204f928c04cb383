"""The service as a Python object: `connect`, then the same calls as the local ones.

    with synthaug.client.connect("127.0.0.1:50051") as client:
        result = client.anonymize("video.mp4")

Nothing here imports torch or the server; `Client.augment` alone needs torch, for the data set it
returns.
"""

from synthaug.client.client import Client, connect
from synthaug.client.frames import AnonymizedFrame
from synthaug.client.jobs import Job
from synthaug.client.wire import TLS

__all__ = ["TLS", "AnonymizedFrame", "Client", "Job", "connect"]
