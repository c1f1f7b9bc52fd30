"""A plane's log on Kafka: read once from the start to where it ended when the look began, in no group."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from jobforge.contracts import topics
from jobforge.ledger.judgement import MANIFEST_GROUP, group_of
from jobforge.ledger.records import Bounds, Kind, Record, kind_of

REACH_WITHIN = 10.0
"""Seconds that Kafka may take to answer at first."""
ANSWER_WITHIN = 60.0
"""Seconds that may pass without a record where there must be one."""
_ENDS: tuple[Kind, ...] = ("manifests", "runs", "jobs", "retry", "dead")
"""The order in which ends are taken, see ``Bounds``."""


class KafkaUnreachable(ConnectionError):
    """No broker answered."""


@asynccontextmanager
async def connected(bootstrap: str) -> AsyncIterator["KafkaHistory"]:
    """A reader of the log at these brokers; raises ``KafkaUnreachable``."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id="jobforge-ledger",
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_poll_records=2_000,
        fetch_max_bytes=16 * 1024 * 1024,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        request_timeout_ms=30_000,
    )
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="jobforge-ledger")
    try:
        with _reaching(bootstrap):
            async with asyncio.timeout(REACH_WITHIN):
                await consumer.start()
                await admin.start()
        yield KafkaHistory(bootstrap, consumer, admin)
    finally:
        await consumer.stop()
        await admin.close()


class KafkaHistory:
    """A ``History`` over connected clients."""

    def __init__(self, bootstrap: str, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        self._bootstrap = bootstrap
        self._consumer = consumer
        self._admin = admin
        self._cluster: Any = None

    async def bounds(self) -> Bounds:
        """What is there now: commits first, then ends, so that nothing committed speaks of what is beyond an end."""
        with _reaching(self._bootstrap):
            found = await self._topics()
            if topics.RUNS.name not in found:
                raise KafkaUnreachable(
                    f"Kafka at {self._bootstrap} holds no plane: there is no topic {topics.RUNS.name} "
                    "(JOBFORGE_KAFKA_BOOTSTRAP)"
                )
            by_kind = {kind: sorted(topic for topic in found if kind_of(topic) == kind) for kind in _ENDS}
            groups = {MANIFEST_GROUP, *(group_of(topic) for topic in (*by_kind["jobs"], *by_kind["retry"]))}
            commits = {}
            for group in sorted(groups):
                for (topic, partition), offset in (await self._commits(group)).items():
                    commits[group, topic, partition] = offset
            spans: dict[tuple[str, int], tuple[int, int]] = {}
            for kind in _ENDS:
                spans |= await self._spans(by_kind[kind])
        return Bounds(spans, commits)

    async def read(self, wanted: Mapping[tuple[str, int], tuple[int, int]]) -> AsyncIterator[Sequence[Record]]:
        """See ``History.read``."""
        left = {TopicPartition(*at): end for at, (first, end) in wanted.items() if first < end}
        self._consumer.assign(list(left))
        with _reaching(self._bootstrap):
            for at in left:
                self._consumer.seek(at, wanted[at.topic, at.partition][0])
            while left:
                async with asyncio.timeout(ANSWER_WITHIN):
                    batches: dict[TopicPartition, list[Any]] = {}
                    while not batches:
                        batches = await self._consumer.getmany(timeout_ms=1_000)
                for at, batch in batches.items():
                    end = left.get(at)
                    if end is None:
                        continue
                    yield [_record(one) for one in batch if one.offset < end]
                    if batch[-1].offset >= end - 1:
                        del left[at]
                        self._consumer.pause(at)

    async def find(self, topic: str, partition: int, offset: int) -> Record | None:
        """One record, or None if it is not there."""
        with _reaching(self._bootstrap):
            span = (await self._spans({topic} & await self._topics())).get((topic, partition))
        if span is None or not span[0] <= offset < span[1]:
            return None
        async for records in self.read({(topic, partition): (offset, offset + 1)}):
            return next((record for record in records if record.offset == offset), None)
        return None

    async def dead_letter_spans(self) -> dict[tuple[str, int], tuple[int, int]]:
        """What the dead-letter topics of all domains hold now."""
        with _reaching(self._bootstrap):
            dead = [
                topic for topic in await self._topics() if kind_of(topic) == "dead" and topic != topics.REJECTED.name
            ]
            return await self._spans(dead)

    async def _topics(self) -> set[str]:
        self._cluster = await self._consumer._client.fetch_all_metadata()
        found: set[str] = self._cluster.topics()
        return found

    async def _spans(self, names: Iterable[str]) -> dict[tuple[str, int], tuple[int, int]]:
        places = [
            TopicPartition(name, number) for name in names for number in self._cluster.partitions_for_topic(name) or ()
        ]
        if not places:
            return {}
        first, end = await self._consumer.beginning_offsets(places), await self._consumer.end_offsets(places)
        return {(at.topic, at.partition): (first[at], end[at]) for at in sorted(places)}

    async def _commits(self, group: str) -> Mapping[tuple[str, int], int]:
        async with asyncio.timeout(REACH_WITHIN):
            while True:
                try:
                    found = await self._admin.list_consumer_group_offsets(group)
                    return {(at.topic, at.partition): said.offset for at, said in found.items() if said.offset >= 0}
                except KafkaError as error:
                    if not error.retriable:
                        raise
                # A young or recovering cluster has no coordinator for a moment.
                await asyncio.sleep(0.5)


@contextmanager
def _reaching(bootstrap: str) -> Iterator[None]:
    try:
        yield
    except (KafkaError, TimeoutError, OSError) as error:
        if isinstance(error, KafkaUnreachable):
            raise
        why = str(error) or type(error).__name__
        raise KafkaUnreachable(f"Kafka does not answer at {bootstrap} (JOBFORGE_KAFKA_BOOTSTRAP): {why}") from error


def _record(one: Any) -> Record:
    return Record(one.topic, one.partition, one.offset, one.key, one.value, tuple(one.headers), one.timestamp)
