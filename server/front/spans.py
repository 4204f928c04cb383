"""Calls as OpenTelemetry spans, where the SDK is installed and an exporter's address is set.

    pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http
    OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 synthaug serve

A span has the method, the status and its times; nothing of a request.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Protocol

from synthaug_server.front.tracing import Trace, trace_of

__all__ = ["NoSpans", "OpenTelemetrySpans", "Spans", "spans"]


class Spans(Protocol):
    """Begins and ends the span of a call."""

    def begin(self, method: str, metadata: Mapping[str, str | bytes]) -> tuple[Trace, Any]:
        """Where the call stands, and what `end` wants."""
        ...

    def end(self, span: Any, code: str) -> None:
        """The call ended with this gRPC status."""
        ...

    def close(self) -> None:
        """Send what is left."""
        ...


class NoSpans:
    """Trace context is taken up and passed on, and nothing is recorded."""

    def begin(self, method: str, metadata: Mapping[str, str | bytes]) -> tuple[Trace, Any]:
        """See `Spans.begin`."""
        return trace_of(metadata), None

    def end(self, span: Any, code: str) -> None:
        """See `Spans.end`."""

    def close(self) -> None:
        """See `Spans.close`."""


class OpenTelemetrySpans:
    """Spans sent by the OTLP exporter, as its own environment variables say."""

    def __init__(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        name = os.environ.get("OTEL_SERVICE_NAME", "synthaug")
        self._provider = TracerProvider(resource=Resource.create({"service.name": name}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("synthaug_server")

    def begin(self, method: str, metadata: Mapping[str, str | bytes]) -> tuple[Trace, Any]:
        """See `Spans.begin`."""
        from opentelemetry import trace as api

        came = trace_of(metadata)
        context = None
        if came.parent_id:
            parent = api.SpanContext(
                int(came.trace_id, 16), int(came.parent_id, 16), is_remote=True,
                trace_flags=api.TraceFlags(int(came.flags, 16)),
            )  # fmt: skip
            context = api.set_span_in_context(api.NonRecordingSpan(parent))
        service, _, name = method[1:].partition("/")
        span = self._tracer.start_span(
            method[1:], context=context, kind=api.SpanKind.SERVER,
            attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": name},
        )  # fmt: skip
        own = span.get_span_context()
        flags = f"{int(own.trace_flags):02x}"
        ids = f"{own.trace_id:032x}", f"{own.span_id:016x}"
        return Trace(*ids, came.parent_id, flags, came.state), span

    def end(self, span: Any, code: str) -> None:
        """See `Spans.end`."""
        from opentelemetry.trace import Status, StatusCode

        span.set_attribute("rpc.grpc.status", code)
        if code not in ("OK", "CANCELLED"):
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def close(self) -> None:
        """See `Spans.close`."""
        self._provider.shutdown()


def spans() -> Spans:
    """OpenTelemetry's where an address for it is set and it is installed; else none."""
    if not any(
        os.environ.get(name)
        for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    ):
        return NoSpans()
    try:
        return OpenTelemetrySpans()
    except ImportError:
        return NoSpans()
