"""Brings one job record to its outcome: claimed, run, and written, before anybody may let go of it."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog

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
from jobforge.contracts.restoring import restored
from jobforge.contracts.runs import RunStarted
from jobforge.contracts.topics import MAX_JOB_BYTES, REJECTED
from jobforge.execution.case import Case
from jobforge.execution.ending import Endings
from jobforge.execution.leases import RENEW_EVERY, Holding, Leases
from jobforge.execution.outcomes import TOO_LARGE, Outcomes
from jobforge.execution.poison import Poison
from jobforge.execution.policy import Claimed, Step, at_claim
from jobforge.execution.reasons import failure_of
from jobforge.execution.recent import RecentRuns
from jobforge.execution.retry import tier_for
from jobforge.execution.runner import Runner, timed_out
from jobforge.execution.running import Result, Running

log = structlog.get_logger()

LOOK_AGAIN = timedelta(seconds=5)
"""How long a record waits when another worker holds its lease."""
ARCHIVE_AGAIN = timedelta(seconds=30)
"""How long it waits when the archive cannot be asked, which concerns many."""
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
            case = self._read(record)
            requested = case.requested
            while True:
                match recent.meet(requested.run_id, requested.body_digest, case.delivery.attempt):
                    case "new":
                        with recent.working(requested.run_id) as work:
                            work.put_off = not await self._claim(case)
                        return
                    case "conflict":
                        detail = f"run {requested.run_id} exists with another body; use another Idempotency-Key"
                        await self._outcomes.set_aside(record, REJECTED.name, "idempotency.conflict", detail)
                        child(metrics.REJECTED, "idempotency.conflict").inc()
                        return
                    case "repeat":
                        if await recent.finished(requested.run_id):
                            return
        except Unreadable as why:  # or it cannot be passed on
            await self._poison.refuse(record, why)

    async def keep_leases(self) -> None:
        """Renew what is held until cancelled; a run that was cancelled or taken over stops here."""
        while True:
            await asyncio.sleep(RENEW_EVERY.total_seconds())
            held = list(self._running)
            for holding, said in zip(held, await self._leases.renew(held), strict=True):
                running = self._running.get(holding)
                if running is not None and said != "ok":
                    running.stop(said)

    def _read(self, record: Record) -> Case:
        requested = read(JobRequested, record.value)
        if (size := len(record.value or b"")) > MAX_JOB_BYTES:
            raise Unreadable(TOO_LARGE, f"the value has {size} bytes, and a request at most {MAX_JOB_BYTES}")
        place = self._outcomes.place(requested.tenant_id, requested.run_id)
        return Case(record, Delivery.of(record.headers), requested, self._runner.snapshot(requested), place)

    async def _claim(self, case: Case) -> bool:
        """Claim the run and do what that says; False when the same attempt will come again."""
        requested, attempt = case.requested, case.delivery.attempt
        holding = Holding(requested.tenant_id, requested.run_id, attempt, uuid4().hex)
        claimed = await self._leases.claim(holding)
        step = self._step(claimed, case, born=case.born)
        if step is Step.ARCHIVE:
            try:
                if await self._restored(case):
                    self._leases.release(holding, ended=True)
                    return True
                step = self._step(claimed, case, born=datetime.now(UTC))  # the archive has nothing older
            except StoreUnavailable as why:
                log.warning("archive.unavailable", run_id=str(requested.run_id), error=str(why))
                self._leases.release(holding, ended=False)
                await self._park(case, ARCHIVE_AGAIN, reason="archive.unavailable")
                return False
        if step is Step.DONE:
            return True
        if step is Step.PARK:
            self._leases.release(holding, ended=False)
            await self._park(case)
            return False
        try:
            written = await self._under_lease(step, holding, claimed.fence, case)
        except BaseException:
            self._leases.release(holding, ended=False)
            raise
        if written:
            self._leases.release(holding, ended=True)
        return written

    async def _under_lease(self, step: Step, holding: Holding, fence: int, case: Case) -> bool:
        requested, run_id = case.requested, str(case.requested.run_id)
        started = self._runner.started(requested, holding.attempt, holding.claim, fence=fence)
        # The task that handles a record is its own context: nothing has to be unbound.
        structlog.contextvars.bind_contextvars(run_id=run_id, app_trace_id=requested.trace_id, attempt=started.attempt)
        with self._span(case, run_id) as span:
            scope = TraceScope(requested.trace_id, span.context)
            if step is Step.CANCEL:
                trace_scope.set(scope)
                await self._endings.end(case.place, self._runner.canceled(case.snapshot, started, began=False))
                log.info("run.canceled", template_key=requested.template_key, began=False)
                return True
            if step is Step.EXPIRE:
                trace_scope.set(scope)
                await self._endings.end(case.place, self._runner.expired(case.snapshot, started))
                log.info("run.failed", code="job.expired", template_key=requested.template_key)
                return True
            return await self._attempt(holding, case, started, span, alone=step is Step.ALONE)

    async def _attempt(self, holding: Holding, case: Case, started: RunStarted, span: Span, *, alone: bool) -> bool:
        requested = case.requested
        # Where no lease counts the starts, and where starts were fatal before, the log has to tell of this one at once.
        await self._outcomes.started(case.place, started, wait=started.fence == 1 and not alone)
        if alone:
            log.warning("run.alone", template_key=requested.template_key, fence=started.fence)
        work = self._alone(requested, started) if alone else self._runner.run(requested, case.snapshot, started)
        limit = self._runner.timeout(requested.template_key)
        running = Running(holding, work, seconds=limit.total_seconds() + (CHILD_STARTS if alone else 0))
        self._running[holding] = running
        try:
            result = await running.result()
            trace_scope.set(TraceScope(requested.trace_id, span.context))  # only now: a start has no span of its own
            return await self._written(result, running, case, started, span)
        finally:
            del self._running[holding]

    async def _written(
        self, result: Result | None, running: Running, case: Case, started: RunStarted, span: Span
    ) -> bool:
        """Write what came out, or why nothing did; False when the attempt is another worker's now."""
        template_key = case.requested.template_key
        if result is None and running.stopped == "lost":
            await self._park(case)
            return False
        if result is None and running.stopped == "cancel":
            await self._endings.end(case.place, self._runner.canceled(case.snapshot, started, began=True))
            log.info("run.canceled", template_key=template_key, began=True)
            return True
        if result is None:
            late = timed_out(self._runner.timeout(template_key))
            result = self._runner.failed(failure_of(late), case.snapshot, started)
        code = await self._endings.write(result, case, started, span=span.context)
        if code is not None:
            span.end(error=code)
            log.info("run.attempt_failed", code=code, template_key=template_key)
        return True

    def _step(self, claimed: Claimed, case: Case, *, born: datetime | None) -> Step:
        return at_claim(
            claimed,
            attempt=case.delivery.attempt,
            start_by=case.requested.start_by,
            born=born,
            now=datetime.now(UTC),
        )

    async def _park(self, case: Case, wait: timedelta = LOOK_AGAIN, *, reason: str = "lease.held") -> None:
        """Look again later, as the same attempt."""
        log.info("record.parked", reason=reason, topic=case.record.topic, offset=case.record.offset)
        await self._outcomes.passed_on(case.record, tier_for(wait).topic.name, case.waiting(wait))

    async def _restored(self, case: Case) -> bool:
        """Whether the run ended longer ago than the view remembers: its manifest then ends it again, unchanged."""
        requested = case.requested
        archived = await self._store.read_manifest(requested.tenant_id, requested.run_id)
        if archived is None:
            return False
        try:
            record = restored(requested.tenant_id, requested.run_id, archived)
        except ValueError as why:  # it is damaged, and is written anew
            log.error("archive.damaged", run_id=str(requested.run_id), error=str(why))
            return False
        log.info("run.restored", run_id=str(requested.run_id))
        await self._outcomes.happened(case.place, record.to_bytes())
        return True

    def _span(self, case: Case, run_id: str) -> Span:
        """The work on a record: a child of its send, linked to the attempt before."""
        requested = case.requested
        before = SpanContext.parse(case.delivery.previous)
        return self._telemetry.process_span(
            case.record,
            group=self._group,
            trace_id=requested.trace_id,
            attributes={
                "jobforge.tenant_id": requested.tenant_id,
                "jobforge.run_id": run_id,
                "jobforge.template_key": requested.template_key,
            },
            links=() if before is None else (before,),
        )
