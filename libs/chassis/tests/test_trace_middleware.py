"""FastStream's publishes and subscribers leave one span a side, and only inside a trace."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from faststream import ContextRepo
from faststream.kafka import KafkaBroker, TestKafkaBroker
from faststream.kafka.response import KafkaPublishCommand
from faststream.response.publish_type import PublishType
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from jobforge.chassis.telemetry import SpanContext, Telemetry, TraceScope, trace_scope
from jobforge.chassis.trace_middleware import TraceMiddleware
from jobforge.contracts.identity import otel_trace_id
from jobforge.testkit.collector import Collector, attributes, collecting

TRACE = "trace-1"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def telemetry(collector: Collector) -> Telemetry:
    telemetry = Telemetry(service="test", version="1", endpoint=collector.address, environment={})
    telemetry.start()
    return telemetry


@pytest.fixture
def in_trace() -> Iterator[SpanContext]:
    parent = SpanContext(otel_trace_id(TRACE), 0x1234)
    token = trace_scope.set(TraceScope(TRACE, parent))
    yield parent
    trace_scope.reset(token)


def command() -> KafkaPublishCommand:
    return KafkaPublishCommand(b"x", topic="jobforge.runs", _publish_type=PublishType.PUBLISH, headers={"own": "kept"})


def exported(telemetry: Telemetry, collector: Collector) -> list[Span]:
    telemetry.stop(5)
    return collector.spans


async def publish(telemetry: Telemetry, call_next: Any, cmd: KafkaPublishCommand) -> Any:
    return await TraceMiddleware(telemetry)(None, context=ContextRepo()).publish_scope(call_next, cmd)


async def test_a_chain_through_a_broker_is_one_line_of_descent(telemetry: Telemetry, collector: Collector) -> None:
    """send -> process -> send -> process: each the child of the one before, though the handler sets nothing."""
    broker = KafkaBroker(middlewares=(TraceMiddleware(telemetry),), logger=None)
    arrived = asyncio.Event()

    @broker.subscriber("first", group_id="g1")
    async def first(body: dict[str, Any]) -> None:
        await broker.publish(body, "second")

    @broker.subscriber("second", group_id="g2")
    async def second(body: dict[str, Any]) -> None:
        arrived.set()

    async with TestKafkaBroker(broker):
        token = trace_scope.set(TraceScope(TRACE))
        await broker.publish({"trace_id": TRACE}, "first")
        trace_scope.reset(token)
        await arrived.wait()

    exported(telemetry, collector)
    line = [collector.named(name) for name in ("send first", "process first", "send second", "process second")]
    for parent, child in pairwise(line):
        assert child.parent_span_id == parent.span_id
    assert attributes(line[1])["messaging.consumer.group.name"] == "g1"
    assert {span.trace_id for span in line} == {otel_trace_id(TRACE).to_bytes(16, "big")}


async def test_outside_a_trace_nothing_is_left(telemetry: Telemetry, collector: Collector) -> None:
    """A publish without a scope, and a record without a trace id, make no span and no header."""
    broker = KafkaBroker(middlewares=(TraceMiddleware(telemetry),), logger=None)
    seen: list[dict[str, Any]] = []

    @broker.subscriber("plain")
    async def plain(body: dict[str, Any]) -> None:
        seen.append(body)

    async with TestKafkaBroker(broker):
        await broker.publish({"a": 1}, "plain")
    assert seen == [{"a": 1}]
    assert exported(telemetry, collector) == []


async def test_the_span_ends_with_the_acknowledgement(
    telemetry: Telemetry, collector: Collector, in_trace: SpanContext
) -> None:
    """An unconfirmed publish is timed until its future is done, and says where the record stands."""
    acknowledgement: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def hand_over(cmd: KafkaPublishCommand) -> Any:
        return acknowledgement

    cmd = command()
    assert await publish(telemetry, hand_over, cmd) is acknowledgement
    acknowledgement.set_result(SimpleNamespace(partition=5, offset=77))
    await asyncio.sleep(0)

    (span,) = exported(telemetry, collector)
    assert span.parent_span_id == in_trace.span_id.to_bytes(8, "big")
    assert attributes(span)["messaging.destination.partition.id"] == "5"
    assert attributes(span)["messaging.kafka.offset"] == 77
    context = SpanContext(int.from_bytes(span.trace_id, "big"), int.from_bytes(span.span_id, "big"))
    assert cmd.headers == {"own": "kept", "traceparent": context.traceparent()}


@pytest.mark.parametrize("late", [False, True])
async def test_a_publish_that_fails_says_why(
    telemetry: Telemetry, collector: Collector, in_trace: SpanContext, late: bool
) -> None:
    """Whether it fails at once or through its future: ``error.type`` is set and the error comes through."""
    failed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    failed.set_exception(ConnectionError("gone"))

    async def hand_over(cmd: KafkaPublishCommand) -> Any:
        return failed if late else await failed

    async def publish_and_wait() -> None:
        returned = await publish(telemetry, hand_over, command())
        await returned

    with pytest.raises(ConnectionError):
        await publish_and_wait()
    await asyncio.sleep(0)
    (span,) = exported(telemetry, collector)
    assert attributes(span)["error.type"] == "ConnectionError"
    assert span.status.code == 2


async def test_a_handler_that_raises_leaves_a_failed_span(telemetry: Telemetry, collector: Collector) -> None:
    """The exception goes on to FastStream as it is."""
    broker = KafkaBroker(middlewares=(TraceMiddleware(telemetry),), logger=None)

    @broker.subscriber("first")
    async def first(body: dict[str, Any]) -> None:
        raise LookupError("no")

    async with TestKafkaBroker(broker):
        with pytest.raises(LookupError):
            await broker.publish({"trace_id": TRACE}, "first")
    exported(telemetry, collector)
    assert attributes(collector.named("process first"))["error.type"] == "LookupError"
