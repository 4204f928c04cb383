"""Through here goes every call: who, may they, how often; and every error becomes a status.

Handlers behind it take ``(request, call)``, let CancelledError rise, and refuse by raising.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from synthaug_server.front.identity import Identities, Rates, refuse_unless
from synthaug_server.front.metrics import Metrics
from synthaug_server.front.roles import OPEN, ROLES
from synthaug_server.front.spans import NoSpans, Spans
from synthaug_server.front.tracing import Trace, trace_of
from synthaug_server.refusal import Refused, refusal_of, status_of, told_bug
from synthaug_server.store.access import LOCAL, Principal
from synthaug_server.store.audit_log import AuditLog

__all__ = ["Boundary", "Call"]

_LOG = logging.getLogger("synthaug.calls")
_DETAILS = "grpc-status-details-bin"


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """What a handler knows about the call it answers.

    Args:
        caller: who calls.
        trace: where the call stands in its caller's trace.
        method: full name.
        grpc: gRPC's own context.
    """

    caller: Principal
    trace: Trace
    method: str
    grpc: grpc.aio.ServicerContext

    def remaining(self) -> float | None:
        """Seconds until the caller gives up; None where it waits for ever."""
        left: float | None = self.grpc.time_remaining()
        return left


class Boundary(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Wraps every handler of a server.

    Args:
        identities: who is calling.
        rates: how often.
        metrics: where calls are counted.
        audit: where refusals of callers are written down.
        calls: most calls at once.
        spans: where calls are recorded for tracing.
    """

    def __init__(
        self,
        identities: Identities,
        rates: Rates,
        metrics: Metrics,
        audit: AuditLog,
        *,
        calls: int,
        spans: Spans | None = None,
    ) -> None:
        self._identities = identities
        self._rates = rates
        self._metrics = metrics
        self._audit = audit
        self._calls = calls
        self._spans = spans or NoSpans()
        self._wrapped: dict[str, grpc.RpcMethodHandler] = {}
        self._last_audited: dict[str, float] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """The handler of a method, wrapped; made once a method."""
        method = str(handler_call_details.method)
        found = self._wrapped.get(method)
        if found is None:
            handler = await continuation(handler_call_details)
            if handler is None or (method not in ROLES and method not in OPEN):
                # Names of methods are the caller's text: they are not kept.
                return grpc.stream_stream_rpc_method_handler(self._answer_unknown)
            found = self._wrapped[method] = self._wrap(method, handler)
        return found

    def _wrap(self, method: str, handler: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
        # gRPC would answer a message that does not parse with UNKNOWN and our class's name, so
        # bytes come as they are and are read here.
        read = handler.request_deserializer
        kind = (handler.request_streaming, handler.response_streaming)
        inner = {
            (False, False): handler.unary_unary,
            (False, True): handler.unary_stream,
            (True, False): handler.stream_unary,
            (True, True): handler.stream_stream,
        }[kind]
        requests = _stream_of if handler.request_streaming else _message_of

        async def answer(raw: Any, context: grpc.aio.ServicerContext) -> Any:
            async with self._call(method, context) as call:
                return await inner(requests(raw, read), call)

        async def answers(raw: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
            async with (
                self._call(method, context) as call,
                contextlib.aclosing(inner(requests(raw, read), call)) as parts,
            ):
                async for part in parts:
                    yield part

        make = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[kind]
        return make(
            answers if handler.response_streaming else answer,
            request_deserializer=None,
            response_serializer=handler.response_serializer,
        )

    @contextlib.asynccontextmanager
    async def _call(self, method: str, context: grpc.aio.ServicerContext) -> AsyncIterator[Call]:
        began = time.perf_counter()
        metadata = dict(context.invocation_metadata() or ())
        trace, span = self._spans.begin(method, metadata)
        code = "OK"
        self._metrics.began()
        try:
            caller = self._admitted(method, metadata, context)
            yield Call(caller, trace, method, context)
        except (asyncio.CancelledError, GeneratorExit):
            code = "CANCELLED"
            raise
        except grpc.aio.AbortError:
            code = "ABORTED_BY_HANDLER"
            raise
        except Exception as raised:
            refused = refusal_of(raised)
            code = refused.status.name
            self._tell(refused, raised, method, trace)
            await _abort(context, refused, trace)
        finally:
            self._metrics.ended(method, code, time.perf_counter() - began)
            self._spans.end(span, code)

    def _admitted(
        self,
        method: str,
        metadata: Mapping[str, str | bytes],
        context: grpc.aio.ServicerContext,
    ) -> Principal:
        if method in OPEN:
            return LOCAL
        if self._metrics.calls_in_flight > self._calls:
            raise Refused(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS",
                "the server answers as many calls as it can; try again", retry_seconds=1.0,
            )  # fmt: skip
        try:
            caller = self._identities.caller(metadata, context)
            refuse_unless(caller, ROLES[method])
        except Refused as refused:
            self._write_down(refused, method)
            raise
        self._rates.take(caller.owner)
        return caller

    def _write_down(self, refused: Refused, method: str) -> None:
        """In the audit log, at most one a second and reason: nobody fills the disk with it."""
        now = time.monotonic()
        if now - self._last_audited.get(refused.reason, -1.0) >= 1.0:
            self._last_audited[refused.reason] = now
            self._audit.append("call.refused", subject=method, reason=refused.reason)

    def _tell(self, refused: Refused, raised: Exception, method: str, trace: Trace) -> None:
        bug = refused.status is grpc.StatusCode.INTERNAL
        fields = {
            "event": "refused", "method": method, "status": refused.status.name,
            "reason": refused.reason, "trace_id": trace.trace_id, **refused.facts,
            **(told_bug(raised) if bug else {}),
        }  # fmt: skip
        _LOG.log(logging.ERROR if bug else logging.INFO, json.dumps(fields))

    async def _answer_unknown(
        self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[bytes]:
        refused = Refused(
            grpc.StatusCode.UNIMPLEMENTED, "METHOD_UNKNOWN",
            "this server has no such method; it may be older than the client",
        )  # fmt: skip
        await _abort(context, refused, trace_of({}))
        yield b""


async def _abort(context: grpc.aio.ServicerContext, refused: Refused, trace: Trace) -> None:
    status = status_of(refused, {"trace_id": trace.trace_id})
    await context.abort(refused.status, status.message, ((_DETAILS, status.SerializeToString()),))


def _message_of(raw: bytes, read: Callable[[bytes], Any]) -> Any:
    try:
        return read(raw)
    except (DecodeError, ValueError):
        raise Refused(
            grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE",
            "the message cannot be read: make the client's stubs again from protos/",
        ) from None  # fmt: skip


async def _stream_of(raw: AsyncIterator[bytes], read: Callable[[bytes], Any]) -> AsyncIterator[Any]:
    async for one in raw:
        yield _message_of(one, read)
