"""Numbers for Prometheus, on a loopback port: calls as they pass, jobs as the store counts them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import prometheus_client
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from synthaug_server.engine.job_store import Counts, JobStore
from synthaug_server.store.artifacts import Artifacts

__all__ = ["Metrics"]

_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)


class Metrics:
    """All of a server's numbers.

    Attributes:
        queue_seconds: histogram by method: what calls waited for a worker.
        compute_seconds: histogram by method: what workers spent on them.
    """

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        counter: dict[str, Any] = {"registry": self.registry}
        self._calls = prometheus_client.Counter(
            "synthaug_calls", "Calls ended, by method and gRPC status.", ["method", "code"],
            **counter,
        )  # fmt: skip
        self._seconds = prometheus_client.Histogram(
            "synthaug_call_seconds", "Length of calls.", ["method"], buckets=_BUCKETS, **counter
        )
        self._running = prometheus_client.Gauge(
            "synthaug_calls_in_flight", "Calls that have begun and not ended.", **counter
        )
        self.queue_seconds = prometheus_client.Histogram(
            "synthaug_queue_seconds", "Time calls waited for a worker.", ["method"],
            buckets=_BUCKETS, **counter,
        )  # fmt: skip
        self.compute_seconds = prometheus_client.Histogram(
            "synthaug_compute_seconds", "Time workers spent on calls.", ["method"],
            buckets=_BUCKETS, **counter,
        )  # fmt: skip
        self._uploaded = prometheus_client.Counter(
            "synthaug_uploaded_bytes", "Bytes received in chunks.", **counter
        )
        self.calls_in_flight = 0
        self._children: dict[tuple[str, str], prometheus_client.Counter] = {}
        self._lengths: dict[str, prometheus_client.Histogram] = {}

    def began(self) -> None:
        """A call began."""
        self.calls_in_flight += 1
        self._running.inc()

    def ended(self, method: str, code: str, seconds: float) -> None:
        """A call ended."""
        self.calls_in_flight -= 1
        self._running.dec()
        # Looking up labels costs more than counting does.
        count = self._children.get((method, code))
        if count is None:
            count = self._children[method, code] = self._calls.labels(method, code)
            self._lengths[method] = self._seconds.labels(method)
        count.inc()
        self._lengths[method].observe(seconds)

    def received(self, size: int) -> None:
        """Bytes of a chunk came."""
        self._uploaded.inc(size)

    def watch(self, jobs: JobStore, artifacts: Artifacts) -> None:
        """Also tell what the stores hold, asked whenever somebody looks."""
        self.registry.register(_Stores(jobs, artifacts))

    def serve(self, port: int) -> tuple[Any, int]:
        """Answer on a loopback port; gives what to shut down and the port."""
        server, _ = prometheus_client.start_http_server(
            port, addr="127.0.0.1", registry=self.registry
        )
        return server, server.server_port


class _Stores(Collector):
    def __init__(self, jobs: JobStore, artifacts: Artifacts) -> None:
        self._jobs = jobs
        self._artifacts = artifacts

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked of the stores before somebody looks."""
        return []

    def collect(self) -> Iterable[Metric]:
        """What stands in the stores now."""
        counts = self._jobs.counts()
        for name, told in (
            ("accepted", "Jobs taken in."),
            ("succeeded", "Jobs that ended well."),
            ("failed", "Jobs that ended with an error."),
            ("cancelled", "Jobs that were cancelled."),
            ("queue_seconds", "Time that started jobs had waited."),
            ("compute_seconds", "Time from start to end of jobs."),
        ):
            yield _counter(f"synthaug_jobs_{name}", told, counts, name)
        yield GaugeMetricFamily(
            "synthaug_jobs_waiting", "Jobs in the queue.", value=self._jobs.waiting()
        )
        blobs = GaugeMetricFamily("synthaug_blobs", "Blobs by state.", labels=["state"])
        size = GaugeMetricFamily("synthaug_blob_bytes", "Their bytes.", labels=["state"])
        for state, (number, octets) in self._artifacts.totals().items():
            blobs.add_metric([state], number)
            size.add_metric([state], octets)
        yield from (blobs, size)


def _counter(name: str, told: str, counts: Mapping[str, Counts], field: str) -> CounterMetricFamily:
    family = CounterMetricFamily(name, told, labels=["kind"])
    for kind, numbers in counts.items():
        family.add_metric([kind], float(getattr(numbers, field)))
    return family
