"""The one place that touches FastStream's and aiokafka's internals; a test pins what it relies on."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, cast

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.consumer.fetcher import OffsetResetStrategy
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from faststream._internal.broker.registrator import Registrator
from faststream._internal.endpoint.subscriber.call_item import CallsCollection
from faststream.kafka import KafkaBroker
from faststream.kafka.configs import KafkaBrokerConfig
from faststream.kafka.publisher.producer import AioKafkaFastProducerImpl
from faststream.kafka.schemas import Topic
from faststream.kafka.subscriber.config import KafkaSubscriberConfig, KafkaSubscriberSpecificationConfig
from faststream.kafka.subscriber.specification import KafkaSubscriberSpecification
from faststream.kafka.subscriber.usecase import DefaultSubscriber
from faststream.middlewares import AckPolicy

from jobforge.chassis import fetch_codec, fetch_sessions, fetch_tiers, heard_commits
from jobforge.chassis.consumer_arguments import HURRIED, UNHURRIED
from jobforge.chassis.lost_offsets import out_of_range
from jobforge.chassis.metrics import CONSUMER_LAG, CONSUMER_REBALANCES, child
from jobforge.chassis.wire import NotAssigned, Partition, Reader, Record

log = structlog.get_logger()

COMMIT_TIMEOUT = 10.0
STOP_TIMEOUT = 2.0
LAG_EVERY = 5.0
BOUNDS_TIMEOUT = 5.0
POLL_SILENCE = 60.0
"""A consumer that did not poll for this many seconds is stuck."""


class BoundedBroker(KafkaBroker):
    """A broker that stops in time: aiokafka waits for a frozen Kafka as long as it takes."""

    stop_within: float

    async def stop(self, *error: Any) -> None:
        """Stop the subscribers and flush the producer; what is not done within ``stop_within`` seconds is left."""
        try:
            async with asyncio.timeout(self.stop_within):
                await super().stop(*error)
        except TimeoutError:
            log.warning("kafka.stop_timed_out", seconds=self.stop_within)


class LogSubscriber(DefaultSubscriber):
    """A FastStream subscriber whose loop belongs to a ``Reader``: explicit commits, never a blocked poll.

    FastStream gives it the connection, its lifecycle and its place in the AsyncAPI document.
    """

    reader: Reader
    wire: "KafkaConsumer | None" = None
    _run: "asyncio.Task[None] | None" = None

    async def _run_consume_loop(self, consumer: AIOKafkaConsumer) -> None:
        """Run the reader; a failure it does not name is logged, and the loop starts again."""
        wire = self._wire()
        self._run = asyncio.current_task()
        while self.running:
            try:
                await self.reader.run(wire)
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("consumer.failed", group=self.group_id)
                await asyncio.sleep(1)

    async def stop(self) -> None:
        """Drain the reader, then leave the group; bounded, since a dead broker must not hold the exit."""
        if self.wire is not None and self.running:
            self.running = False
            try:
                await self.reader.drain(self.wire)
            except Exception:
                log.exception("consumer.drain_failed", group=self.group_id)
            if self._run is not None:
                self._run.cancel()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await super().stop()
        except TimeoutError:
            log.warning("consumer.stop_timed_out", group=self.group_id)

    def problems(self) -> list[str]:
        """Why this consumer is not alive; empty when it is."""
        consumer = self.consumer
        if consumer is None or self.wire is None:
            return [f"{self.group_id}: not started"]
        found = []
        coordination = getattr(consumer._coordinator, "_coordination_task", None)
        if coordination is None or coordination.done():
            found.append(f"{self.group_id}: the group coordination is dead")
        fetching = consumer._fetcher._fetch_task
        if fetching is None or fetching.done():
            found.append(f"{self.group_id}: fetching is dead")
        if consumer._client._sync_task is None or consumer._client._sync_task.done():
            found.append(f"{self.group_id}: nobody asks for metadata")
        if self._run is None or self._run.done():
            found.append(f"{self.group_id}: nothing reads")
        silence = asyncio.get_running_loop().time() - self.wire.polled_at
        if silence > POLL_SILENCE:
            found.append(f"{self.group_id}: no poll for {silence:.0f} s")
        return found

    @property
    def assignment(self) -> frozenset[Partition]:
        """What this member holds now."""
        held = self.consumer.assignment() if self.consumer is not None else ()
        return frozenset(Partition(p.topic, p.partition) for p in held)

    def _wire(self) -> "KafkaConsumer":
        assert self.consumer is not None
        if self.wire is None or self.wire.raw is not self.consumer:
            self.wire = KafkaConsumer(self.consumer)
        return self.wire


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    subscriber: LogSubscriber

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._tell(self.subscriber.reader.revoked, revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        child(CONSUMER_REBALANCES, self.subscriber.group_id or "").inc()
        await self._tell(self.subscriber.reader.assigned, assigned)

    async def _tell(self, what: Callable[..., Any], partitions: Iterable[TopicPartition]) -> None:
        named = frozenset(Partition(p.topic, p.partition) for p in partitions)
        if named:
            await what(self.subscriber._wire(), named)


class KafkaConsumer:
    """aiokafka's consumer as the wire knows it."""

    def __init__(self, raw: AIOKafkaConsumer) -> None:
        heard_commits.install(raw)
        fetch_sessions.install(raw)
        self._tiers = fetch_tiers.install(raw)
        self.raw = raw
        self.polled_at = asyncio.get_running_loop().time()
        self._lag_at = 0.0

    async def poll(self, *, timeout: float, max_records: int) -> Mapping[Partition, list[Record]]:
        """See ``wire.Consumer.poll``."""
        self.polled_at = asyncio.get_running_loop().time()
        if self.polled_at - self._lag_at > LAG_EVERY:
            self._lag_at = self.polled_at
            self._measure_lag()
        if self.raw._subscription.reassignment_in_progress:
            # aiokafka would hold the poll until the group has settled, and with a broker away for ever.
            await asyncio.sleep(timeout)
            return {}
        try:
            batches = await self.raw.getmany(timeout_ms=int(timeout * 1000), max_records=max_records)
        except NoOffsetForPartitionError as error:  # a new group reads from the start
            if error.args[0] in self.raw.assignment():
                self.raw._fetcher.request_offset_reset([error.args[0]], OffsetResetStrategy.EARLIEST)
            return {}
        except OffsetOutOfRangeError as error:
            for at, wanted in error.args[0].items():
                await self._recover(Partition(at.topic, at.partition), wanted)
            return {}
        return {
            Partition(at.topic, at.partition): [
                Record(r.topic, r.partition, r.offset, r.key, r.value, tuple(r.headers), r.timestamp) for r in records
            ]
            for at, records in batches.items()
        }

    def pause(self, partitions: Iterable[Partition]) -> None:
        """See ``wire.Consumer.pause``."""
        self.raw.pause(*self._still_mine(partitions))

    def resume(self, partitions: Iterable[Partition]) -> None:
        """See ``wire.Consumer.resume``."""
        mine = self._still_mine(partitions)
        self.raw.resume(*mine)
        self._tiers.hurry(mine)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """See ``wire.Consumer.commit``; bounded, since aiokafka repeats a commit for ever."""
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT):
                await self.raw.commit({TopicPartition(*at): offset for at, offset in offsets.items()})
        except (CommitFailedError, IllegalStateError) as error:
            raise NotAssigned(str(error)) from error

    def seek(self, partition: Partition, offset: int) -> None:
        """See ``wire.Consumer.seek``."""
        for mine in self._still_mine([partition]):
            self.raw.seek(mine, offset)
            self._tiers.hurry([mine])

    async def committed(self, partition: Partition) -> int | None:
        """See ``wire.Consumer.committed``."""
        offset: int | None = await self.raw.committed(TopicPartition(*partition))
        return offset

    async def bounds(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """See ``wire.Consumer.bounds``."""
        wanted = [TopicPartition(*partition) for partition in partitions]
        first, end = await asyncio.gather(self.raw.beginning_offsets(wanted), self.raw.end_offsets(wanted))
        return {Partition(at.topic, at.partition): (first[at], end[at]) for at in wanted}

    async def _recover(self, at: Partition, wanted: int) -> None:
        """Go on from the first offset there is, and say so; without an answer the next poll meets the same error."""
        with suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(BOUNDS_TIMEOUT):
                first, end = (await self.bounds([at]))[at]
            if not first <= wanted <= end:
                out_of_range(self.raw._group_id, at, wanted=wanted, first=first, end=end)
                self.seek(at, first)

    def _measure_lag(self) -> None:
        for at in self.raw.assignment():
            end, state = self.raw.highwater(at), self.raw._subscription.subscription.assignment.state_value(at)
            if end is not None and state is not None and state.has_valid_position:
                child(CONSUMER_LAG, self.raw._group_id, at.topic, str(at.partition)).set(end - state.position)

    def _still_mine(self, partitions: Iterable[Partition]) -> list[TopicPartition]:
        held = self.raw.assignment()
        return [at for at in (TopicPartition(*partition) for partition in partitions) if at in held]


def add_log_subscriber(
    broker: KafkaBroker,
    reader: Reader,
    *,
    group: str,
    topics: Iterable[str],
    pattern: str | None,
    message: Any,
    title: str,
    description: str,
    hurried: bool,
) -> LogSubscriber:
    """Register a ``LogSubscriber`` on a broker that has not started; ``message`` documents what it reads."""
    fetch_codec.install()
    names = [Topic.validate(topic) for topic in topics]
    outer = cast("KafkaBrokerConfig", broker.config)
    calls: CallsCollection[Any] = CallsCollection()
    listener = _Listener()
    config = KafkaSubscriberConfig(
        topics=names,
        group_id=group,
        connection_args=dict(HURRIED if hurried else UNHURRIED),
        listener=listener,
        pattern=pattern,
        no_reply=True,
        _outer_config=outer,
        _ack_policy=AckPolicy.MANUAL,
    )
    specification = KafkaSubscriberSpecification(
        _outer_config=outer,
        calls=calls,
        specification_config=KafkaSubscriberSpecificationConfig(
            topics=names, pattern=pattern, title_=title, description_=description, include_in_schema=True
        ),
    )
    subscriber = LogSubscriber(config, specification, calls)
    subscriber.reader = reader
    listener.subscriber = subscriber
    Registrator.subscriber(broker, subscriber)
    subscriber.add_call(parser_=None, decoder_=None, dependencies_=())

    async def receive(record: message) -> None:  # the message is a value here
        """Documents the channel; records go to the reader."""

    subscriber(receive)
    return subscriber


def raw_producer(broker: KafkaBroker) -> AIOKafkaProducer:
    """The producer of a started broker: FastStream's own publish cannot carry bytes in headers, nor one name twice."""
    return cast("AioKafkaFastProducerImpl", broker.config.producer)._producer.producer
