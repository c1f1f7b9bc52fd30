"""A service's connection to Kafka: the broker, one publisher, and readers."""

import asyncio
from collections.abc import Awaitable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from jobforge.chassis.faststream_adapter import BoundedBroker, LogSubscriber, add_log_subscriber, raw_producer
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.traced import TracedPublisher
from jobforge.chassis.wire import Headers, NotWritten, OutcomeUnknown, Partition, Position, Publisher, Reader
from jobforge.contracts import topics

log = structlog.get_logger()

CONNECT_TIMEOUT = 60.0
"""Seconds a starting service waits for Kafka before it gives up."""
ASK_TIMEOUT = 5.0
STOP_SLACK = 5.0
"""Seconds that a stopping service has beside its grace period, to commit, leave its groups and flush."""
SAY_EVERY = 10.0
"""Seconds between two words of a starting service about a Kafka that is not there."""


class KafkaAbsent(ConnectionError):
    """No broker answered a starting service in time."""


class PartitionsDiffer(RuntimeError):
    """The plane's topics have another partition count than this service was told."""


class KafkaPublisher:
    """Writes through the broker's producer; ``acks=all``, every wait bounded."""

    def __init__(self, broker: BoundedBroker, *, timeout: float) -> None:
        self._broker = broker
        self._timeout = timeout

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Position:
        """See ``wire.Publisher.publish``."""
        handed_over = False
        try:
            async with asyncio.timeout(self._timeout):
                acknowledged = await self.send(topic, key=key, value=value, headers=headers, partition=partition)
                handed_over = True
                return await acknowledged
        except TimeoutError:
            if handed_over:
                raise OutcomeUnknown(f"{topic}: no acknowledgement within {self._timeout:g} s") from None
            raise NotWritten(f"{topic}: Kafka was not reached within {self._timeout:g} s") from None

    async def send(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Awaitable[Position]:
        """See ``wire.Publisher.send``."""
        try:
            sent = await raw_producer(self._broker).send(
                topic, key=key, value=value, headers=list(headers), partition=partition
            )
        except KafkaError as error:
            raise NotWritten(f"{topic}: {error!r}") from error
        return _Acknowledgement(sent)


@dataclass(frozen=True, slots=True)
class _Acknowledgement:
    """An object, not a coroutine: Python warns of coroutines that nobody awaits, and this need not be awaited."""

    sent: "asyncio.Future[Any]"

    def __await__(self) -> Generator[Any, None, Position]:
        try:
            at = yield from self.sent.__await__()
        except KafkaError as error:
            # aiokafka reports a request that timed out as an error of the batch: it may have arrived.
            raise (OutcomeUnknown if error.retriable else NotWritten)(repr(error)) from error
        return Position(at.topic, at.partition, at.offset)


class Kafka:
    """One per service process. Readers are added before ``start``."""

    def __init__(self, settings: Settings, *, service: str, telemetry: Telemetry, description: str = "") -> None:
        self._settings = settings
        self._readers: list[LogSubscriber] = []
        self._asker: AIOKafkaConsumer | None = None
        self.broker = BoundedBroker(
            settings.kafka_bootstrap,
            client_id=f"jobforge-{service}",
            acks="all",
            enable_idempotence=False,
            compression_type=None,
            linger_ms=0,
            max_batch_size=256 * 1024,
            max_request_size=topics.SET_ASIDE_MESSAGE_BYTES,
            request_timeout_ms=int(settings.publish_timeout * 1000),
            metadata_max_age_ms=30_000,
            allow_auto_create_topics=False,
            apply_types=False,
            logger=None,
            description=description or None,
            specification_url="kafka.example:9092",
        )
        self.broker.stop_within = settings.grace_period + STOP_SLACK
        self.publisher: Publisher = TracedPublisher(
            KafkaPublisher(self.broker, timeout=settings.publish_timeout), telemetry
        )

    def read(
        self,
        reader: Reader,
        *,
        group: str,
        message: Any,
        title: str,
        description: str = "",
        topics: Sequence[str] = (),
        pattern: str | None = None,
    ) -> LogSubscriber:
        """Let ``reader`` own a consumer of these topics; ``message`` is what the AsyncAPI document shows."""
        subscriber = add_log_subscriber(
            self.broker,
            reader,
            group=group,
            topics=topics,
            pattern=pattern,
            message=message,
            title=title,
            description=description,
        )
        self._readers.append(subscriber)
        return subscriber

    async def reach(self) -> None:
        """Wait until Kafka answers and check the partition count; ``KafkaAbsent`` after ``CONNECT_TIMEOUT`` seconds."""
        bootstrap = self._settings.kafka_bootstrap
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._connect(bootstrap)
        except TimeoutError:
            raise KafkaAbsent(
                f"no Kafka answered at {bootstrap} within {CONNECT_TIMEOUT:g} s: "
                "start it, or set JOBFORGE_KAFKA_BOOTSTRAP to where it is"
            ) from None
        await self._check_partitions()

    async def _connect(self, bootstrap: str) -> None:
        said = float("-inf")
        while self._asker is None:
            asker = AIOKafkaConsumer(
                bootstrap_servers=bootstrap,
                client_id="jobforge-asker",
                enable_auto_commit=False,
                request_timeout_ms=int(ASK_TIMEOUT * 1000),
                metadata_max_age_ms=30_000,
            )
            try:
                await asker.start()
                self._asker = asker
            except KafkaError as error:
                await asker.stop()
                now = asyncio.get_running_loop().time()
                if now - said >= SAY_EVERY:
                    said = now
                    log.warning("kafka.unreachable", bootstrap=bootstrap, error=str(error), waiting_for=CONNECT_TIMEOUT)
                await asyncio.sleep(1)

    async def start(self) -> None:
        """Connect, then start the producer and every reader (for services that are not FastStream apps)."""
        await self.reach()
        await self.broker.start()

    async def stop(self) -> None:
        """Drain the readers, flush the producer, disconnect."""
        await self.broker.stop()
        await self.leave()

    async def leave(self) -> None:
        """Close the connection that ``reach`` opened."""
        asker, self._asker = self._asker, None
        if asker is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await asker.stop()

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has; 0 for a topic that does not exist."""
        async with asyncio.timeout(ASK_TIMEOUT):
            metadata = await self._ask()._client.fetch_all_metadata()
        return len(metadata.partitions_for_topic(topic) or ())

    async def topics(self) -> frozenset[str]:
        """The names of all topics."""
        async with asyncio.timeout(ASK_TIMEOUT):
            return frozenset(await self._ask().topics())

    async def ends(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """The end offset of each partition; needs no group."""
        wanted = [TopicPartition(*partition) for partition in partitions]
        async with asyncio.timeout(ASK_TIMEOUT):
            found = await self._ask().end_offsets(wanted)
        return {Partition(at.topic, at.partition): offset for at, offset in found.items()}

    async def committed(self, group: str) -> Mapping[Partition, int]:
        """What a group committed; a partition of which it never committed anything is left out."""
        async with asyncio.timeout(ASK_TIMEOUT):
            found = await self.broker.config.admin_client.list_consumer_group_offsets(group)
        return {Partition(at.topic, at.partition): held.offset for at, held in found.items() if held.offset >= 0}

    async def cluster_id(self) -> str:
        """The cluster's id, part of the identity of records that came through Kafka."""
        description = await self.broker.config.admin_client.describe_cluster()
        return str(description["cluster_id"])

    async def ping(self) -> None:
        """One round trip to the brokers; raises when none answers."""
        await self.topics()

    async def consumers_alive(self) -> None:
        """Raise with every consumer that is dead: FastStream's own ping does not notice those."""
        problems = [problem for reader in self._readers for problem in reader.problems()]
        if problems:
            raise RuntimeError("; ".join(problems))

    def assigned(self) -> frozenset[Partition]:
        """Everything that this service's readers hold."""
        return frozenset(at for reader in self._readers for at in reader.assignment)

    def _ask(self) -> AIOKafkaConsumer:
        if self._asker is None:
            raise ConnectionError("Kafka is not connected yet")
        return self._asker

    async def _check_partitions(self) -> None:
        found = await self.partitions(topics.RUNS.name)
        if found == 0:
            raise PartitionsDiffer(f"the topic {topics.RUNS.name} does not exist: apply schemas/topics.yaml first")
        if found != self._settings.partitions:
            raise PartitionsDiffer(
                f"the plane has {found} partitions, this service was told {self._settings.partitions}: "
                f"set JOBFORGE_PARTITIONS={found}"
            )
