"""``python -m synthaug_server.probe``: whether a server of this machine says SERVING.

For health checks of containers: the probes that clusters have built in speak no TLS, and the
address that others reach speaks nothing else. The admin port is this machine's alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """0 where it serves; 1 where it drains, is not there or does not answer in time."""
    parser = argparse.ArgumentParser(
        prog="python -m synthaug_server.probe", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("port", type=int, help="the server's --admin-port")
    parser.add_argument("--seconds", type=float, default=5.0, help="to wait for the answer")
    parser.add_argument("--alive", action="store_true", help="draining is well too")
    asked = parser.parse_args(argv)
    with grpc.insecure_channel(f"127.0.0.1:{asked.port}") as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=asked.seconds
            )
        except grpc.RpcError as error:
            print(error.code().name, file=sys.stderr)
            return 1
    serving: bool = answer.status == health_pb2.HealthCheckResponse.SERVING
    return 0 if serving or asked.alive else 1


if __name__ == "__main__":
    sys.exit(main())
