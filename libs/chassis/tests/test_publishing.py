"""A publish ends in time, says truly whether the record may have been written, and its span ends with it."""

import asyncio
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RequestTimedOutError, TopicAuthorizationFailedError

from jobforge.chassis import kafka_publisher
from jobforge.chassis.faststream_adapter import BoundedBroker
from jobforge.chassis.kafka_publisher import KafkaPublisher
from jobforge.chassis.spans import FinishedSpan, TraceScope, trace_scope
from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.traced import TracedPublisher
from jobforge.chassis.wire import NotWritten, OutcomeUnknown, Position, TooLargeToWrite
from jobforge.testkit.waiting import until

WRITTEN = SimpleNamespace(topic="t", partition=2, offset=7)


class Producer:
    """aiokafka's producer as far as a publish sees it: ``handing_over`` is awaited first, then ``acknowledged``."""

    _sender = None

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.handing_over: asyncio.Future[None] = loop.create_future()
        self.handing_over.set_result(None)
        self.acknowledged: asyncio.Future[Any] = loop.create_future()

    async def send(self, topic: str, **record: Any) -> Awaitable[Any]:
        """Hand over."""
        await self.handing_over
        return self.acknowledged


@pytest.fixture
async def producer(monkeypatch: pytest.MonkeyPatch) -> Producer:
    """What every publisher of the test writes through."""
    made = Producer()
    monkeypatch.setattr(kafka_publisher, "raw_producer", lambda _: made)
    return made


def publisher(timeout: float = 30) -> KafkaPublisher:
    return KafkaPublisher(cast(BoundedBroker, None), timeout=timeout)


async def publish(timeout: float = 30) -> Position:
    return await publisher(timeout).publish("t", key=b"k", value=b"v")


async def test_an_acknowledged_record_has_its_position(producer: Producer) -> None:
    """Topic, partition and offset, as the broker said."""
    producer.acknowledged.set_result(WRITTEN)
    assert await publish() == Position("t", 2, 7)


async def test_without_an_acknowledgement_in_time_the_outcome_is_unknown(producer: Producer) -> None:
    """The record was handed over, so it may stand in the log."""
    with pytest.raises(OutcomeUnknown):
        await publish(timeout=0.01)
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_what_could_not_be_handed_over_in_time_is_not_written(producer: Producer) -> None:
    """Kafka was never reached: the caller may safely say so."""
    producer.handing_over = asyncio.get_running_loop().create_future()
    with pytest.raises(NotWritten):
        await publish(timeout=0.01)
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("error", "meant"),
    [
        (RequestTimedOutError(), OutcomeUnknown),
        (MessageSizeTooLargeError(), TooLargeToWrite),
        (TopicAuthorizationFailedError(), NotWritten),
    ],
)
async def test_a_refusal_is_told_from_a_doubt(producer: Producer, error: KafkaError, meant: type[Exception]) -> None:
    """A broker's no is certain; a request that timed out may have arrived."""
    producer.acknowledged.set_exception(error)
    with pytest.raises(meant) as raised:
        await publish()
    assert raised.type is meant


@pytest.mark.parametrize("handed_over", [True, False])
async def test_a_cancelled_publish_is_cancelled_and_nothing_else(producer: Producer, handed_over: bool) -> None:
    """Whoever cancels a publish sees a cancellation, not an error of Kafka's."""
    if not handed_over:
        producer.handing_over = asyncio.get_running_loop().create_future()
    publishing = asyncio.create_task(publish())
    await asyncio.sleep(0)
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing


async def test_a_timeout_around_a_publish_is_still_a_timeout(producer: Producer) -> None:
    """The caller's own budget ends a publish as ``asyncio.timeout`` promises."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await publish()


@pytest.mark.parametrize("awaited", [True, False])
@pytest.mark.parametrize("error", [None, RequestTimedOutError()])
async def test_the_span_of_a_sent_record_ends_with_its_acknowledgement(
    producer: Producer, awaited: bool, error: KafkaError | None
) -> None:
    """Whether anybody waits for it or not; a failure marks the span."""
    telemetry = Telemetry(service="s", version="1", endpoint="http://127.0.0.1:9", environment={})
    ended: list[FinishedSpan] = []
    telemetry._sink = ended.append
    token = trace_scope.set(TraceScope("trace-1"))
    sent = await TracedPublisher(publisher(), telemetry).send("t", key=b"k", value=b"v")
    trace_scope.reset(token)
    assert not ended
    if error is None:
        producer.acknowledged.set_result(WRITTEN)
    else:
        producer.acknowledged.set_exception(error)
    if not awaited:
        await until(lambda: bool(ended))
    elif error is None:
        assert await sent == Position("t", 2, 7)
    else:
        with pytest.raises(OutcomeUnknown):
            await sent
    assert [span.error for span in ended] == [None if error is None else "OutcomeUnknown"]
    assert ended[0].name == "send t"
