"""Brings one job record to its outcome: claimed, run, and written, before anybody may let go of it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from pydantic_core import from_json

from jobforge.chassis import metrics
from jobforge.chassis.artifacts import ArtifactStore, StoreUnavailable
from jobforge.chassis.metrics import child
from jobforge.chassis.spans import Span, SpanContext
from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.traced import TraceScope, trace_scope
from jobforge.chassis.wire import Record
from jobforge.contracts.delivery import Delivery
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.reading import Unreadable, read
from jobforge.contracts.runs import RequestSnapshot, RunRestored, RunStarted
from jobforge.contracts.topics import REJECTED
from jobforge.execution.ending import Endings
from jobforge.execution.leases import RENEW_EVERY, Holding, Leases
from jobforge.execution.outcomes import Outcomes
from jobforge.execution.poison import Poison
from jobforge.execution.policy import Claimed, Failure, Step, at_claim
from jobforge.execution.reasons import error
from jobforge.execution.recent import RecentRuns
from jobforge.execution.retry import tier_for
from jobforge.execution.runner import Runner, timed_out
from jobforge.execution.running import Result, Running

log = structlog.get_logger()

LOOK_AGAIN = timedelta(seconds=5)
"""How long a record waits when another worker holds its lease, or the archive cannot be asked."""
CHILD_STARTS = 30.0
"""Seconds that a child process may take to start before the attempt's own time counts."""

RunAlone = Callable[[JobRequested, RunStarted], Coroutine[Any, Any, Result]]


class Handler:
    """What a worker does with a record. ``handle`` may be cancelled: then nothing was decided."""

    def __init__(
        self,
        domain: str,
        runner: Runner,
        outcomes: Outcomes,
        leases: Leases,
        store: ArtifactStore,
        telemetry: Telemetry,
        *,
        alone: RunAlone,
    ) -> None:
        self._group = f"jobs-{domain}"
        self._runner = runner
        self._outcomes = outcomes
        self._leases = leases
        self._store = store
        self._telemetry = telemetry
        self._alone = alone
        self._endings = Endings(domain, runner, outcomes)
        self._poison = Poison(domain, runner, outcomes)
        self._running: dict[Holding, Running] = {}

    async def handle(self, record: Record, recent: RecentRuns) -> None:
        """Bring the record to its outcome, or pass it on; everything is acknowledged when this returns."""
        try:
            requested = read(JobRequested, record.value)
            snapshot = self._runner.snapshot(requested)
        except Unreadable as why:
            await self._poison.refuse(record, why)
            return
        attempt = Delivery.of(record.headers).attempt
        while True:
            match recent.meet(requested.run_id, requested.body_digest, attempt):
                case "new":
                    with recent.working(requested.run_id) as work:
                        work.put_off = not await self._claim(record, requested, snapshot, attempt)
                    return
                case "conflict":
                    detail = f"run {requested.run_id} exists with another body; use another Idempotency-Key"
                    await self._outcomes.set_aside(record, REJECTED.name, "idempotency.conflict", detail)
                    child(metrics.REJECTED, "idempotency.conflict").inc()
                    return
                case "repeat":
                    if await recent.finished(requested.run_id):
                        return

    async def keep_leases(self) -> None:
        """Renew what is held until cancelled; a run that was cancelled or taken over stops here."""
        while True:
            await asyncio.sleep(RENEW_EVERY.total_seconds())
            held = list(self._running)
            for holding, said in zip(held, await self._leases.renew(held), strict=True):
                running = self._running.get(holding)
                if running is not None and said != "ok":
                    running.stop(said)

    async def _claim(self, record: Record, requested: JobRequested, snapshot: RequestSnapshot, attempt: int) -> bool:
        """Claim the run and do what that says; False when the same attempt will come again."""
        holding = Holding(requested.tenant_id, requested.run_id, attempt, uuid4().hex)
        claimed = await self._leases.claim(holding)
        now = datetime.now(UTC)
        born = _born(record, requested)
        step = at_claim(claimed, attempt=attempt, start_by=requested.start_by, born=born, now=now)
        if step is Step.ARCHIVE:
            try:
                archived = await self._store.read_manifest(requested.tenant_id, requested.run_id)
            except StoreUnavailable as why:
                log.warning("archive.unavailable", run_id=str(requested.run_id), error=str(why))
                step = Step.PARK
            else:
                if archived is not None:
                    await self._restore(requested, archived)
                    self._leases.release(holding, ended=True)
                    return True
                claimed = replace(claimed, known=True)
                step = at_claim(claimed, attempt=attempt, start_by=requested.start_by, born=now, now=now)
        if step is Step.DONE:
            return True
        if step is Step.PARK:
            self._leases.release(holding, ended=False)
            await self._park(record)
            return False
        try:
            return await self._under_lease(step, holding, claimed, record, requested, snapshot)
        except BaseException:
            self._leases.release(holding, ended=False)
            raise

    async def _under_lease(
        self,
        step: Step,
        holding: Holding,
        claimed: Claimed,
        record: Record,
        requested: JobRequested,
        snapshot: RequestSnapshot,
    ) -> bool:
        started = self._runner.started(requested, holding.attempt, holding.claim, fence=claimed.fence)
        with (
            self._span(record, requested) as span,
            structlog.contextvars.bound_contextvars(
                run_id=str(requested.run_id), app_trace_id=requested.trace_id, attempt=started.attempt
            ),
        ):
            scope = TraceScope(requested.trace_id, span.context)
            if step is Step.CANCEL:
                trace_scope.set(scope)
                await self._endings.end(self._runner.canceled(snapshot, started, began=False))
                log.info("run.canceled", template_key=requested.template_key, began=False)
            elif step is Step.EXPIRE:
                trace_scope.set(scope)
                await self._endings.end(self._runner.expired(snapshot, started))
                log.info("run.failed", code="job.expired", template_key=requested.template_key)
            elif not await self._attempt(step, holding, record, requested, snapshot, started, span):
                return False
        self._leases.release(holding, ended=True)
        return True

    async def _attempt(
        self,
        step: Step,
        holding: Holding,
        record: Record,
        requested: JobRequested,
        snapshot: RequestSnapshot,
        started: RunStarted,
        span: Span,
    ) -> bool:
        await self._outcomes.started(started)
        alone = step is Step.ALONE
        if alone:
            log.warning("run.alone", template_key=requested.template_key, fence=started.fence)
        work = self._alone(requested, started) if alone else self._runner.run(requested, snapshot, started)
        limit = self._runner.timeout(requested.template_key)
        running = Running(holding, work, seconds=limit.total_seconds() + (CHILD_STARTS if alone else 0))
        self._running[holding] = running
        try:
            result = await running.result()
        finally:
            del self._running[holding]
        trace_scope.set(TraceScope(requested.trace_id, span.context))  # not before: a start leaves no span of its own
        if result is None and running.stopped == "lost":
            await self._park(record)
            return False
        if result is None and running.stopped == "cancel":
            await self._endings.end(self._runner.canceled(snapshot, started, began=True))
            log.info("run.canceled", template_key=requested.template_key, began=True)
            return True
        if result is None:
            late = timed_out(limit)
            result = self._runner.failed(Failure(error(late.code, str(late), retryable=True)), snapshot, started)
        code = await self._endings.write(result, record, requested, started, traceparent=span.context.traceparent())
        if code is not None:
            span.end(error=code)
            log.info("run.attempt_failed", code=code, template_key=requested.template_key)
        return True

    async def _park(self, record: Record) -> None:
        """Look again later, as the same attempt."""
        waiting = replace(
            Delivery.of(record.headers), not_before=datetime.now(UTC) + LOOK_AGAIN, return_to=record.topic
        )
        log.info("record.parked", reason="lease.held", topic=record.topic, offset=record.offset)
        await self._outcomes.passed_on(record, tier_for(LOOK_AGAIN).topic.name, waiting)

    async def _restore(self, requested: JobRequested, archived: bytes) -> None:
        """The run ended longer ago than the view remembers: its manifest ends it again, unchanged."""
        restored = RunRestored(run_id=requested.run_id, tenant_id=requested.tenant_id, manifest=from_json(archived))
        log.info("run.restored", run_id=str(requested.run_id))
        await self._outcomes.happened(requested.tenant_id, requested.run_id, restored.to_bytes())

    def _span(self, record: Record, requested: JobRequested) -> Span:
        """The work on a record: a child of its send, linked to the attempt before."""
        before = SpanContext.parse(Delivery.of(record.headers).previous)
        return self._telemetry.process_span(
            record,
            group=self._group,
            trace_id=requested.trace_id,
            attributes={
                "jobforge.tenant_id": requested.tenant_id,
                "jobforge.run_id": str(requested.run_id),
                "jobforge.template_key": requested.template_key,
            },
            links=() if before is None else (before,),
        )


def _born(record: Record, requested: JobRequested) -> datetime | None:
    """When the run can have begun to exist at the earliest; None: its key may be of any age."""
    if requested.key_made_at is None:
        return None
    return min(requested.key_made_at, datetime.fromtimestamp(record.timestamp / 1000, UTC))
