"""The middleware between a service and the log: one ``send`` span and one measured time for each publish."""

import asyncio
from collections.abc import Awaitable
from functools import partial
from time import perf_counter, time_ns

from jobforge.chassis import conventions as names
from jobforge.chassis.metrics import PUBLISH_ERRORS, PUBLISH_SECONDS, child
from jobforge.chassis.telemetry import TRACEPARENT, Span, Telemetry, TraceScope, trace_scope
from jobforge.chassis.wire import Headers, Position, Publisher

__all__ = ["TraceScope", "TracedPublisher", "trace_scope"]


class TracedPublisher:
    """A ``Publisher`` over another one. Inside a ``trace_scope`` its records carry their send span's context."""

    def __init__(self, publisher: Publisher, telemetry: Telemetry) -> None:
        self._publisher = publisher
        self._telemetry = telemetry

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Position:
        """See ``wire.Publisher.publish``; the span ends with the acknowledgement."""
        span = self._span(topic)
        started = perf_counter()
        try:
            at = await self._publisher.publish(
                topic, key=key, value=value, headers=_with(headers, span), partition=partition
            )
        except BaseException as error:
            _failed(topic, span, error)
            raise
        # Whoever waits for it goes on first.
        asyncio.get_running_loop().call_soon(_acknowledged, topic, span, perf_counter() - started, at, time_ns())
        return at

    async def send(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Awaitable[Position]:
        """See ``wire.Publisher.send``; the span ends when the acknowledgement comes, awaited or not."""
        span = self._span(topic)
        started = perf_counter()
        try:
            sent = await self._publisher.send(
                topic, key=key, value=value, headers=_with(headers, span), partition=partition
            )
        except BaseException as error:
            _failed(topic, span, error)
            raise
        if span is None:
            return sent
        acknowledged = asyncio.ensure_future(sent)  # the future itself, where it is one
        acknowledged.add_done_callback(partial(_ended, topic, span, started))
        return acknowledged

    def _span(self, topic: str) -> Span | None:
        scope = trace_scope.get()
        return None if scope is None else self._telemetry.send_span(topic, scope=scope)


def _ended(topic: str, span: Span, started: float, sent: "asyncio.Future[Position]") -> None:
    # Asking for the exception also keeps asyncio from complaining when nobody awaits it.
    error = asyncio.CancelledError() if sent.cancelled() else sent.exception()
    if error is not None:
        _failed(topic, span, error)
    else:
        _acknowledged(topic, span, perf_counter() - started, sent.result(), time_ns())


def _with(headers: Headers, span: Span | None) -> Headers:
    return headers if span is None else (*headers, (TRACEPARENT, span.context.traceparent().encode()))


def _failed(topic: str, span: Span | None, error: BaseException) -> None:
    child(PUBLISH_ERRORS, topic, type(error).__name__).inc()
    if span is not None:
        span.end(error=type(error).__name__)


def _acknowledged(topic: str, span: Span | None, seconds: float, at: Position, ended: int) -> None:
    child(PUBLISH_SECONDS, topic).observe(seconds)
    if span is not None:
        span.set(names.DESTINATION_PARTITION_ID, str(at.partition))
        span.set(names.KAFKA_OFFSET, at.offset)
        span.end(at=ended)
