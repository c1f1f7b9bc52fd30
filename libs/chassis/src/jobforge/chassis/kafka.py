"""A service's connection to Kafka: the broker, one publisher, and readers."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from jobforge.chassis import (
    connections,
    direct_fetching,
    direct_sending,
    needed_topics,
    produce_codec,
    readable_records,
)
from jobforge.chassis.faststream_adapter import BoundedBroker, LogSubscriber, add_log_subscriber
from jobforge.chassis.kafka_publisher import KafkaPublisher
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.traced import TracedPublisher
from jobforge.chassis.wire import Partition, Publisher, Reader
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


class TopicsDiffer(RuntimeError):
    """A topic that this service reads or writes is missing, or has another partition count than it needs."""


class Kafka:
    """One per service process. Readers are added before ``start``.

    ``role`` is what the declared topics call the service; a service that runs templates is a ``domain``.
    """

    def __init__(
        self, settings: Settings, *, service: str, telemetry: Telemetry, description: str = "", role: str | None = None
    ) -> None:
        for changed in (connections, direct_fetching, direct_sending, produce_codec, readable_records):
            changed.install()
        self._settings = settings
        self._service = service
        self._role = role or service
        self._readers: list[LogSubscriber] = []
        self._asker: AIOKafkaConsumer | None = None
        self.broker = BoundedBroker(
            settings.kafka_bootstrap.split(","),  # FastStream would take several for the name of one host
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
        hurried: bool = True,
    ) -> LogSubscriber:
        """Let ``reader`` own a consumer of these topics; ``message`` is what the AsyncAPI document shows.

        A reader that nobody waits for is not ``hurried``: it costs less.
        """
        subscriber = add_log_subscriber(
            self.broker,
            reader,
            group=group,
            topics=topics,
            pattern=pattern,
            message=message,
            title=title,
            description=description,
            hurried=hurried,
        )
        self._readers.append(subscriber)
        return subscriber

    async def reach(self) -> None:
        """Wait until Kafka answers and check this service's topics.

        Raises ``KafkaAbsent`` after ``CONNECT_TIMEOUT`` seconds, and ``TopicsDiffer``.
        """
        bootstrap = self._settings.kafka_bootstrap
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._connect(bootstrap)
        except TimeoutError:
            raise KafkaAbsent(
                f"no Kafka answered at {bootstrap} within {CONNECT_TIMEOUT:g} s: "
                "start it, or set JOBFORGE_KAFKA_BOOTSTRAP to where it is"
            ) from None
        await self.check_topics()

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

    async def check_topics(self, apps: Iterable[str] = ()) -> None:
        """Raise ``TopicsDiffer`` unless what this service reads and writes, for these apps also, is as declared."""
        async with asyncio.timeout(ASK_TIMEOUT):
            metadata = await self._ask()._client.fetch_all_metadata()
        found = {name: len(metadata.partitions_for_topic(name) or ()) for name in metadata.topics()}
        wrong = needed_topics.problems(
            self._role, self._service, found, partitions=self._settings.partitions, apps=apps
        )
        if wrong:
            raise TopicsDiffer(needed_topics.told(wrong))

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

    async def bounds(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """The first offset of each partition, and the offset after its last record; needs no group."""
        wanted = [TopicPartition(*partition) for partition in partitions]
        async with asyncio.timeout(ASK_TIMEOUT):
            asked = self._ask()
            first, end = await asyncio.gather(asked.beginning_offsets(wanted), asked.end_offsets(wanted))
        return {Partition(at.topic, at.partition): (first[at], end[at]) for at in wanted}

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
