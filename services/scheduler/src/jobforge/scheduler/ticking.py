"""Requests the runs of schedules when they are due: each tick once, after an outage the last one that was missed."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from jobforge.chassis.control import ControlView, announce
from jobforge.chassis.logs import get_logger
from jobforge.chassis.metrics import TRIGGERS_FIRED, TRIGGERS_REFUSED, child
from jobforge.chassis.traced import TraceScope, trace_scope
from jobforge.chassis.wire import NotWritten, OutcomeUnknown, Publisher
from jobforge.contracts.control import ScheduleTicked
from jobforge.contracts.identity import run_id_for_key, run_key
from jobforge.contracts.inbox import InboxJob
from jobforge.contracts.triggers import Schedule, Unmapped, mapped
from jobforge.scheduler.expressions import search
from jobforge.scheduler.firing import OWN_INBOX, Switches
from jobforge.scheduler.ticks import following, latest, source, spelled

EVERY = timedelta(seconds=1)

log = get_logger()


class Ticking:
    """Looks every second at what is due.

    A tick's run has the key that schedule and tick name, so whoever else requests it requests the same run; the tick is
    noted on ``jobforge.control`` after its request was acknowledged. ``mine`` says whether this member acts: one does.
    """

    def __init__(
        self,
        schedules: Sequence[Schedule],
        switches: Switches,
        control: ControlView,
        publisher: Publisher,
        *,
        mine: Callable[[], bool],
        every: timedelta = EVERY,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._schedules = schedules
        self._switches = switches
        self._control = control
        self._publisher = publisher
        self._mine = mine
        self._every = every
        self._now = now
        self._next: dict[str, tuple[datetime, datetime | None]] = {}
        """Of each schedule the moment that was looked from, and the first tick after it."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._every.total_seconds())

    async def look(self) -> None:
        """Request what is due. What is not acknowledged is due again at the next look."""
        for schedule in self._schedules if self._mine() else ():
            tick = self._due(schedule)
            if tick is None:
                continue
            try:
                await self._request(schedule, tick)
                await self._note(schedule, tick)
            except (NotWritten, OutcomeUnknown) as error:
                log.warning("schedule.waiting", schedule=schedule.name, tick=spelled(tick), error=type(error).__name__)

    def _due(self, schedule: Schedule) -> datetime | None:
        since = self._switches.acts_since(schedule.name)
        if since is None:
            return None
        since = max(since, self._control.last_tick(schedule.name) or since)
        looked_from, first = self._next.get(schedule.name, (None, None))
        if looked_from != since:
            first = following(schedule, since)
            self._next[schedule.name] = (since, first)
        now = self._now()
        return latest(schedule, since=since, until=now) if first is not None and first <= now else None

    async def _request(self, schedule: Schedule, tick: datetime) -> None:
        key = f"schedule:{schedule.name}:{spelled(tick)}"
        run_id = run_id_for_key(schedule.tenant_id, schedule.template, key)
        try:
            inputs = mapped(schedule.inputs, source(schedule, tick), search)
        except Unmapped as error:
            child(TRIGGERS_REFUSED, schedule.name, "unmapped").inc()
            log.error("schedule.refused", schedule=schedule.name, tick=spelled(tick), detail=str(error))
            return
        trace_id = f"trace_{run_id}"
        job = InboxJob(
            kind="job",
            tenant_id=schedule.tenant_id,
            project_id=schedule.project_id,
            template_key=schedule.template,
            inputs=inputs,
            trace_id=trace_id,
            actor_id=f"schedule:{schedule.name}",
            idempotency_key=key,
        )
        before = trace_scope.set(TraceScope(trace_id))
        try:
            await self._publisher.publish(
                OWN_INBOX, key=run_key(job.tenant_id, run_id), value=job.model_dump_json().encode()
            )
        finally:
            trace_scope.reset(before)
        child(TRIGGERS_FIRED, schedule.name).inc()
        log.info("schedule.ticked", schedule=schedule.name, tick=spelled(tick), run_id=str(run_id))

    async def _note(self, schedule: Schedule, tick: datetime) -> None:
        ticked = ScheduleTicked(name=schedule.name, tick=tick)
        await announce(self._publisher, ticked)
        self._control.apply(ticked.key, ticked.to_bytes())
