"""What the scheduler writes about runs: their ends, their requests put back, and records that can go nowhere."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from aiokafka.errors import KafkaError

from jobforge.chassis.logs import get_logger
from jobforge.chassis.metrics import REJECTED, REQUESTS_REPUBLISHED, RUNS_CLOSED, child
from jobforge.chassis.traced import TraceScope, trace_scope
from jobforge.chassis.wire import NotWritten, OutcomeUnknown, Position, Publisher, Record, RecordGone
from jobforge.contracts import topics
from jobforge.contracts.control import TemplateAnnounced
from jobforge.contracts.dead_letter import aside
from jobforge.contracts.delivery import Delivery
from jobforge.contracts.identity import parse_run_key, partition_of, run_key
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.reading import Unreadable, read
from jobforge.contracts.runs import Environment, RunCanceled, RunFailed
from jobforge.scheduler.endings import ended, snapshot, unreadable
from jobforge.scheduler.rows import OpenRun
from jobforge.scheduler.verdicts import Close

NO_WAY_BACK = "retry.no_way_back"

log = get_logger()


class Records(Protocol):
    """Where a record is looked up."""

    async def record(self, position: Position) -> Record:
        """The record at a position; raises ``RecordGone``, ``KafkaError`` or ``OSError``."""
        ...


class Unheard(Exception):
    """The log could not be asked, or did not acknowledge: nothing is certain, try again."""


class Acts:
    """Each act is repeatable: the first terminal record of a run counts, and a request put back is the same request."""

    def __init__(
        self,
        publisher: Publisher,
        records: Records,
        templates: Callable[[], Mapping[str, TemplateAnnounced]],
        *,
        worker: str,
        environment: Environment,
        partitions: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._publisher = publisher
        self._records = records
        self._templates = templates
        self._worker = worker
        self._environment = environment
        self._partitions = partitions
        self._now = now

    async def close(self, run: OpenRun, close: Close) -> None:
        """End the run; raises ``Unheard``."""
        requested = await self._requested(run)
        shown = None
        if requested is not None:
            shown = snapshot(requested, self._templates().get(requested.template_key))
        record = ended(run, close, shown, worker=self._worker, environment=self._environment, now=self._now())
        before = trace_scope.set(TraceScope(requested.trace_id) if requested is not None else None)
        try:
            await self._end(record)
        except (NotWritten, OutcomeUnknown) as error:
            raise Unheard(str(error)) from error
        finally:
            trace_scope.reset(before)
        child(RUNS_CLOSED, close.code).inc()
        log.info("run.closed", run_id=str(run.run_id), code=close.code, detail=close.message)

    async def republish(self, run: OpenRun, count: int) -> None:
        """Put the run's request back where it came from, byte for byte; raises ``Unheard``.

        One that the log does not hold any more cannot be put back, now or later: that counts as a try.
        """
        record = await self._record(run)
        if record is None:
            log.warning("run.request_gone", run_id=str(run.run_id), count=count)
            return
        headers = record.headers
        if run.started:  # attempts never fall
            headers = replace(Delivery.of(headers), attempt=run.lived.attempt + 1).headers(headers)
        try:
            await self._publisher.publish(
                record.topic, key=record.key, value=record.value, headers=headers, partition=record.partition
            )
        except (NotWritten, OutcomeUnknown) as error:
            raise Unheard(str(error)) from error
        REQUESTS_REPUBLISHED.inc()
        log.warning("run.request_put_back", run_id=str(run.run_id), topic=record.topic, count=count)

    async def refuse(self, record: Record, detail: str) -> None:
        """Set a record aside and end the run that its key names; see ``moving.Refusal``."""
        now = self._now()
        kept = aside(record, reason=NO_WAY_BACK, detail=detail, dead_at=now.isoformat())
        await self._publisher.publish(topics.REJECTED.name, key=kept.key, value=kept.value, headers=kept.headers)
        child(REJECTED, NO_WAY_BACK).inc()
        log.warning("retry.refused", topic=record.topic, partition=record.partition, offset=record.offset)
        named = parse_run_key(record.key)
        if named is not None:
            text = f"{NO_WAY_BACK}: {detail}"
            await self._end(unreadable(*named, text, worker=self._worker, environment=self._environment, now=now))

    async def _end(self, record: RunCanceled | RunFailed) -> None:
        key = run_key(record.tenant_id, record.run_id)
        await self._publisher.publish(
            topics.RUNS.name, key=key, value=record.to_bytes(), partition=partition_of(key, self._partitions)
        )

    async def _requested(self, run: OpenRun) -> JobRequested | None:
        """The accepted request; None when it cannot be read or is gone, so that the run still ends."""
        record = await self._record(run)
        try:
            return None if record is None else read(JobRequested, record.value)
        except Unreadable as why:
            log.warning("run.request_unreadable", run_id=str(run.run_id), reason=why.reason)
            return None

    async def _record(self, run: OpenRun) -> Record | None:
        """The request's record, or None when it is gone: its topic was deleted or made anew, or retention took it.

        Raises ``Unheard`` when that is not certain.
        """
        request, key = run.request, run_key(run.tenant_id, run.run_id)
        if request is None or request.topic is None or request.offset is None:
            raise Unheard("the row does not say where the request stands")
        try:
            record = await self._records.record(
                Position(request.topic, partition_of(key, self._partitions), request.offset)
            )
        except RecordGone:
            return None
        except (KafkaError, OSError) as error:
            raise Unheard(repr(error)) from error
        return record if record.key == key else None  # offsets are given once, unless the topic is made anew
