"""The Kafka door: what apps publish on their inbox topics, admitted as over HTTP or set aside with the reason."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from jobforge.chassis.logs import get_logger
from jobforge.chassis.metrics import REJECTED as REJECTED_MESSAGES
from jobforge.chassis.metrics import child
from jobforge.chassis.settings import Settings
from jobforge.chassis.spans import Span
from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.wire import Consumer, NotAssigned, Partition, Record, TooLargeToWrite
from jobforge.contracts.identity import event_id_for_record, key_made_at, run_id_for_key, run_id_for_record
from jobforge.contracts.inbox import InboxEvent
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.topics import INBOX
from jobforge.ingestion.admission import admit_inbox
from jobforge.ingestion.catalog import Catalog
from jobforge.ingestion.intake import Failure, Intake, RunName, conflict, unwritten
from jobforge.ingestion.outgoing import Outgoing, rejected_record
from jobforge.ingestion.refusal import Refusal

GROUP = "ingestion"
BACK_OFF = 1.0
"""Seconds that a partition rests after Kafka did not take its records."""
POLL = 0.5
MAX_RECORDS = 500

log = get_logger()


@dataclass(frozen=True, slots=True)
class Decided:
    """A record and what is published for it: the accepted one or, with a ``refusal``, the record set aside.

    ``job`` is set for a request with a key of its own.
    """

    record: Record
    outgoing: Outgoing
    refusal: Refusal | None = None
    job: JobRequested | None = None


class InboxReader:
    """A wire ``Reader``: publishes, then commits; one subject's events keep their order through every failure."""

    def __init__(
        self,
        *,
        settings: Settings,
        catalog: Catalog,
        intake: Intake,
        telemetry: Telemetry,
        cluster_id: Callable[[], Awaitable[str]],
        back_off: float = BACK_OFF,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._limit = settings.max_record_bytes
        self._catalog = catalog
        self._intake = intake
        self._telemetry = telemetry
        self._cluster_id = cluster_id
        self._back_off = back_off
        self._clock = clock
        self._held: set[Partition] = set()
        self._resting: dict[Partition, float] = {}
        self._done: dict[Partition, int] = {}
        self._working = asyncio.Lock()
        self._stopping = False

    async def assigned(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """Read these from the group's commit on."""
        self._held |= partitions

    async def revoked(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """Finish what is being published from these, commit it, and leave the rest to the next owner."""
        self._held -= partitions
        async with self._working:
            await self._commit(consumer)
        for partition in partitions:
            self._resting.pop(partition, None)
            self._done.pop(partition, None)

    async def drain(self, consumer: Consumer) -> None:
        """Finish what is being published, commit it, and take nothing more."""
        self._stopping = True
        async with self._working:
            await self._commit(consumer)

    async def run(self, consumer: Consumer) -> None:
        """Poll until cancelled or drained."""
        cluster_id = await self._cluster_id()
        now = asyncio.get_running_loop().time
        while not self._stopping:
            rested = [partition for partition, until in self._resting.items() if until <= now()]
            for partition in rested:
                del self._resting[partition]
            consumer.resume(rested)
            batches = await consumer.poll(timeout=POLL, max_records=MAX_RECORDS)
            async with self._working:
                if not self._stopping:
                    await asyncio.gather(
                        *(self._take(consumer, cluster_id, at, batch) for at, batch in batches.items())
                    )
                    await self._commit(consumer)

    async def _take(self, consumer: Consumer, cluster_id: str, at: Partition, batch: Sequence[Record]) -> None:
        """Publish one partition's records wave by wave; at the first failure, rest and read on from there."""
        if at not in self._held or at in self._resting:
            return
        done = batch[0].offset
        try:
            for wave in waves([self._decide(cluster_id, record) for record in batch]):
                published = await self._publish(wave)
                if published:
                    done = self._done[at] = wave[published - 1].record.offset + 1
                if published < len(wave):
                    break
        except Exception:
            # A defect of ours: it must neither skip a record nor stop the other partitions.
            log.exception("inbox.failed", topic=at.topic, partition=at.number, offset=done)
        if done <= batch[-1].offset:
            self._rest(consumer, at, done)

    def _decide(self, cluster_id: str, record: Record) -> Decided:
        try:
            return self._admit(cluster_id, record)
        except Refusal as refusal:
            return self._refuse(record, refusal)

    def _refuse(self, record: Record, refusal: Refusal) -> Decided:
        return Decided(record, rejected_record(record, refusal, at=self._clock()), refusal=refusal)

    def _admit(self, cluster_id: str, record: Record) -> Decided:
        source_app = record.topic.removeprefix(INBOX.named())
        found = admit_inbox(record.value, source_app=source_app, limit=self._limit)
        place = (cluster_id, record.topic, record.partition, record.offset)
        if isinstance(found, InboxEvent):
            self._catalog.check_events_open()
            return Decided(record, self._intake.event(found, found.event_id or event_id_for_record(*place)))
        named = found.idempotency_key
        if named:
            name = RunName(run_id_for_key(found.tenant_id, found.template_key, named), key_made_at(named))
        else:
            name = RunName(run_id_for_record(*place), datetime.fromtimestamp(record.timestamp / 1000, UTC))
        job, outgoing = self._intake.job(found.model_copy(update={"source_app": source_app}), name)
        return Decided(record, outgoing, job=job if named else None)

    async def _publish(self, wave: Sequence[Decided]) -> int:
        """Publish a wave; how many of its records, from the first on, are certainly written."""
        conflicts = await self._intake.root(
            [one.outgoing for one in wave], keyed=[one.job for one in wave if one.job is not None]
        )
        wave = [
            self._refuse(one.record, conflict(one.job)) if one.job and one.job.run_id in conflicts else one
            for one in wave
        ]
        failures = await self._publish_traced(wave)
        for index, failure in enumerate(failures):
            if isinstance(failure, TooLargeToWrite):
                wave[index] = self._refuse(wave[index].record, unwritten(failure, wave[index].outgoing.trace_id))
                [failures[index]] = await self._publish_traced([wave[index]])
        written = next((index for index, failure in enumerate(failures) if failure), len(wave))
        for one in wave[:written]:
            if one.refusal:
                child(REJECTED_MESSAGES, one.refusal.code).inc()
                log.info("inbox.rejected", topic=one.record.topic, at=one.record.offset, reason=one.refusal.code)
        return written

    async def _publish_traced(self, wave: Sequence[Decided]) -> list[Failure | None]:
        """For each why it may not be written, or None."""
        spans = [self._span(one) for one in wave]
        failures = await self._intake.publish_all(
            [(one.outgoing, span.context if span else None) for one, span in zip(wave, spans, strict=True)]
        )
        for span, failure in zip(spans, failures, strict=True):
            if span:
                span.end(error=type(failure).__name__ if failure else None)
        return failures

    def _span(self, decided: Decided) -> Span | None:
        trace_id = decided.outgoing.trace_id
        if trace_id is None:
            return None
        return self._telemetry.process_span(
            decided.record, group=GROUP, trace_id=trace_id, attributes=decided.outgoing.attributes
        )

    def _rest(self, consumer: Consumer, at: Partition, offset: int) -> None:
        """Read on from ``offset``, after a while: nothing is skipped, and the other partitions go on."""
        log.warning("inbox.waiting", topic=at.topic, partition=at.number, offset=offset)
        if at in self._held:
            self._resting[at] = asyncio.get_running_loop().time() + self._back_off
            consumer.pause([at])
            consumer.seek(at, offset)

    async def _commit(self, consumer: Consumer) -> None:
        if not self._done:
            return
        done = dict(self._done)
        try:
            await consumer.commit(done)
        except NotAssigned:
            log.info("inbox.lost", partitions=len(done))  # their new owner publishes them again, under the same ids
        except (TimeoutError, OSError, RuntimeError) as error:  # Kafka's errors are RuntimeErrors
            log.warning("inbox.commit_failed", error=type(error).__name__)
            return  # the next commit covers it
        self._done.clear()


def waves(decided: Sequence[Decided]) -> Iterator[list[Decided]]:
    """Cut into runs in which no two records share a key.

    Each wave is acknowledged before the next is sent, so when one record fails, no later one of its key is written.
    """
    wave: list[Decided] = []
    keys: set[bytes] = set()
    for one in decided:
        key = one.outgoing.key
        if one.refusal is None and key in keys:
            yield wave
            wave, keys = [], set()
        wave.append(one)
        if one.refusal is None and key is not None:
            keys.add(key)
    if wave:
        yield wave
