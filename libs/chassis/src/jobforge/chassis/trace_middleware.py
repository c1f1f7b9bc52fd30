"""FastStream's part in the trace: a ``send`` span for each publish, a ``process`` span for ordinary subscribers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from faststream import BaseMiddleware
from faststream.kafka.message import KafkaMessage
from faststream.kafka.response import KafkaPublishCommand

from jobforge.chassis import conventions as names
from jobforge.chassis.telemetry import TRACEPARENT, Span, Telemetry, TraceScope, trace_scope
from jobforge.chassis.wire import Record

if TYPE_CHECKING:
    from faststream import ContextRepo, StreamMessage


class TraceMiddleware:
    """Goes into a broker's ``middlewares``; FastStream calls it for each message and each publish."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def __call__(self, msg: Any, /, *, context: "ContextRepo") -> "BaseMiddleware[KafkaPublishCommand, Any]":
        return _Traced(msg, context=context, telemetry=self._telemetry)


class _Traced(BaseMiddleware[KafkaPublishCommand, Any]):
    def __init__(self, msg: Any, /, *, context: "ContextRepo", telemetry: Telemetry) -> None:
        super().__init__(msg, context=context)
        self._telemetry = telemetry

    async def publish_scope(
        self, call_next: Callable[[KafkaPublishCommand], Awaitable[Any]], cmd: KafkaPublishCommand
    ) -> Any:
        """Publish under a ``send`` span, if anybody set ``trace_scope``; it ends with Kafka's acknowledgement."""
        scope = trace_scope.get()
        if scope is None:
            return await call_next(cmd)
        span = self._telemetry.send_span(cmd.destination, scope=scope)
        if len(cmd.batch_bodies) > 1:
            span.set(names.BATCH_MESSAGE_COUNT, len(cmd.batch_bodies))
        cmd.headers = {**cmd.headers, TRACEPARENT: span.context.traceparent()}
        try:
            written = await call_next(cmd)
        except BaseException as error:
            span.end(error=type(error).__qualname__)
            raise
        if isinstance(written, asyncio.Future):
            written.add_done_callback(lambda future: _end_with(span, future))
        else:
            _end_acknowledged(span, written)
        return written

    async def consume_scope(
        self, call_next: Callable[["StreamMessage[Any]"], Awaitable[Any]], msg: "StreamMessage[Any]"
    ) -> Any:
        """Handle one record under a ``process`` span, if its JSON names a ``trace_id``; batches leave none."""
        raw = msg.raw_message
        if not isinstance(msg, KafkaMessage) or isinstance(raw, tuple):
            return await call_next(msg)
        trace_id = _trace_id(await msg.decode())
        if trace_id is None:
            return await call_next(msg)
        headers = tuple((name, value or b"") for name, value in raw.headers)
        record = Record(raw.topic, raw.partition, raw.offset, raw.key, raw.value, headers, raw.timestamp)
        group = (self.context.get_local("log_context") or {}).get("group_id", "")
        with self._telemetry.process_span(record, group=group, trace_id=trace_id) as span:
            token = trace_scope.set(TraceScope(trace_id, span.context))
            try:
                return await call_next(msg)
            finally:
                trace_scope.reset(token)


def _trace_id(decoded: object) -> str | None:
    found = decoded.get("trace_id") if isinstance(decoded, dict) else None
    return found if isinstance(found, str) and found else None


def _end_with(span: Span, future: "asyncio.Future[Any]") -> None:
    if future.cancelled():
        span.end(error="CancelledError")
    elif (error := future.exception()) is not None:
        span.end(error=type(error).__qualname__)
    else:
        _end_acknowledged(span, future.result())


def _end_acknowledged(span: Span, written: Any) -> None:
    """``written`` is aiokafka's ``RecordMetadata``, or nothing under FastStream's test broker."""
    partition, offset = getattr(written, "partition", None), getattr(written, "offset", None)
    if partition is not None:
        span.set(names.DESTINATION_PARTITION_ID, str(partition))
    if offset is not None and offset >= 0:
        span.set(names.KAFKA_OFFSET, offset)
    span.end()
