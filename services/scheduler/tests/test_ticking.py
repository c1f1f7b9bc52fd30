"""Schedules over a log in memory: each tick requests one run, whatever was restarted."""

from datetime import UTC, datetime, timedelta

import pytest

from jobforge.chassis.control import ControlView
from jobforge.chassis.settings import Settings
from jobforge.contracts.control import CONTROL, FlagSet, ScheduleTicked, TriggerSwitched
from jobforge.contracts.inbox import InboxJob
from jobforge.contracts.triggers import Schedule
from jobforge.scheduler.declaring import FLAG, Declared, Standing
from jobforge.scheduler.firing import OWN_INBOX
from jobforge.scheduler.ticking import Ticking
from jobforge.testkit.memory import MemoryLog

NIGHTLY = Schedule(
    name="nightly",
    cron="0 2 * * *",
    time_zone="Europe/Berlin",
    tenant_id="acme",
    template="keys.usage.aggregate",
    inputs={"period": "$.previous_date"},
)
START = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Clockwork:
    """A plane with one schedule, and a clock to turn."""

    def __init__(self, schedule: Schedule = NIGHTLY) -> None:
        self.schedule = schedule
        self.log = MemoryLog({OWN_INBOX: 1, "jobforge.control": 1})
        self.now = START
        self.mine = True
        self.restart()

    def restart(self) -> None:
        """A new scheduler, which knows what ``jobforge.control`` says."""
        self.control = ControlView(Settings(profile="development"))
        for record in self.log.records("jobforge.control"):
            self.control.apply(record.key, record.value)
        self.standing = Standing(Declared(schedules=(self.schedule,)), self.control)
        self.standing.settle(self.now)
        self.ticking = Ticking(
            (self.schedule,),
            self.standing,
            self.control,
            self.log.publisher(),
            mine=lambda: self.mine,
            now=lambda: self.now,
        )

    async def look(self, after: timedelta = timedelta()) -> list[str]:
        """Turn the clock, let the scheduler look, and tell the keys of all requests so far."""
        self.now += after
        await self.ticking.look()
        return [
            (InboxJob.model_validate_json(record.value or b"").idempotency_key or "").rpartition("nightly:")[2]
            for record in self.log.records(OWN_INBOX)
        ]


@pytest.fixture
async def plane() -> Clockwork:
    made = Clockwork()
    await made.standing.announce(made.log.publisher())
    return made


async def test_each_tick_is_requested_once_when_it_is_due(plane: Clockwork) -> None:
    """Nothing is due at first: what was before the declaration does not concern the schedule."""
    assert await plane.look() == []
    assert await plane.look(timedelta(hours=12, minutes=59)) == []
    assert await plane.look(timedelta(minutes=1)) == ["2026-11-24T01:00:00Z"]
    assert await plane.look(timedelta(minutes=1)) == ["2026-11-24T01:00:00Z"]
    (record,) = plane.log.records(OWN_INBOX)
    job = InboxJob.model_validate_json(record.value or b"")
    assert (job.tenant_id, job.template_key, job.inputs) == ("acme", "keys.usage.aggregate", {"period": "2026-11-23"})


async def test_a_restart_neither_repeats_a_tick_nor_forgets_when_it_was_declared(plane: Clockwork) -> None:
    """The newest tick and the declaration stand on jobforge.control."""
    await plane.look(timedelta(days=1))
    plane.restart()
    assert len(await plane.look()) == 1
    plane.restart()
    assert len(await plane.look(timedelta(days=1))) == 2


async def test_after_an_outage_the_last_missed_tick_runs_once(plane: Clockwork) -> None:
    """Ten were missed, one is made up for, also when nothing had ticked before the outage."""
    plane.now += timedelta(days=10)
    plane.restart()
    assert await plane.look() == ["2026-12-03T01:00:00Z"]
    assert await plane.look() == ["2026-12-03T01:00:00Z"]


async def test_a_crash_between_request_and_note_repeats_the_request_under_its_key(plane: Clockwork) -> None:
    """And so does another replica that looks at the same time."""
    await plane.look(timedelta(days=1))
    plane.control.apply(b"tick:nightly", None)
    assert await plane.look() == ["2026-11-24T01:00:00Z"] * 2


async def test_a_tick_that_was_not_acknowledged_is_due_again(plane: Clockwork) -> None:
    """Nothing is noted that was not written."""
    plane.log.down = True
    assert await plane.look(timedelta(days=1)) == []
    plane.log.down = False
    assert await plane.look() == ["2026-11-24T01:00:00Z"]
    noted = [CONTROL.validate_json(record.value or b"") for record in plane.log.records("jobforge.control")]
    assert [one.tick for one in noted if isinstance(one, ScheduleTicked)] == [datetime(2026, 11, 24, 1, tzinfo=UTC)]


async def test_what_was_missed_while_a_schedule_was_off_is_not_made_up_for(plane: Clockwork) -> None:
    """Off by its own switch; and nothing ticks while the flag of all triggers is off, or at a member that is not it."""
    off = TriggerSwitched(name="nightly", enabled=False, switched_at=START)
    plane.control.apply(off.key, off.to_bytes())
    assert await plane.look(timedelta(days=3)) == []
    on = TriggerSwitched(name="nightly", enabled=True, switched_at=plane.now)
    plane.control.apply(on.key, on.to_bytes())
    assert await plane.look() == []
    flag = FlagSet(name=FLAG, enabled=False, set_at=plane.now)
    plane.control.apply(flag.key, flag.to_bytes())
    assert await plane.look(timedelta(days=1)) == []
    plane.control.apply(flag.key, flag.model_copy(update={"enabled": True}).to_bytes())
    plane.mine = False
    assert await plane.look() == []
    plane.mine = True
    assert await plane.look() == ["2026-11-27T01:00:00Z"]


async def test_a_schedule_whose_expression_finds_no_json_does_not_end_the_scheduler() -> None:
    """``&name`` is an expression itself, which no record can hold: each start of the service ended in it again."""
    plane = Clockwork(NIGHTLY.model_copy(update={"inputs": {"period": "$.[&tick]"}}))
    await plane.standing.announce(plane.log.publisher())
    assert await plane.look(timedelta(hours=14)) == []
    plane.restart()
    assert await plane.look() == []
    ticks = [record for record in plane.log.records("jobforge.control") if (record.key or b"").startswith(b"tick:")]
    assert len(ticks) == 1
