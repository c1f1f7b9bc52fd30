"""When schedules are due: cron expressions in time zones, over daylight-saving days."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from jobforge.contracts.base import JsonObject
from jobforge.contracts.triggers import Schedule

FIELDS = 5
_FOLD = timedelta(hours=3)
"""Longer than any clock is ever put back: begun inside a repeated hour, an expression may give a tick of before."""
_WINDOWS = tuple(timedelta(days=days) for days in (0.05, 1, 32, 367, 3000, 20000))
"""How far back the last tick is looked for, the nearest first: every minute's is found without a walk through years."""


def problem(cron: str, zone: ZoneInfo, now: datetime) -> str | None:
    """What is wrong with an expression and how to mend it, or None."""
    if len(cron.split()) != FIELDS:
        return f"{cron!r} does not have {FIELDS} fields: minute, hour, day of month, month, day of week"
    try:
        next(CronSim(cron, now.astimezone(zone)))
    except CronSimError as error:
        return f"{cron!r} is no cron expression ({error}): minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-7"
    except StopIteration:
        return f"{cron!r} never comes: correct its days and months"
    return None


def following(schedule: Schedule, moment: datetime) -> datetime | None:
    """The first tick after a moment, in UTC; None when there is none in 50 years."""
    return next((tick for tick in _ticks(schedule, moment - _FOLD) if tick > moment), None)


def latest(schedule: Schedule, *, since: datetime, until: datetime) -> datetime | None:
    """The last tick after ``since`` and not after ``until``, in UTC, or None."""
    for window in _WINDOWS:
        begin = max(since, until - window)
        last = None
        for tick in _ticks(schedule, begin - _FOLD):
            if tick > until:
                break
            if tick > begin:
                last = tick
        if last is not None or begin == since:
            return last
    return None


def source(schedule: Schedule, tick: datetime) -> JsonObject:
    """What the inputs of a tick's run are mapped from."""
    zone = ZoneInfo(schedule.time_zone)
    long_ago = tick - _WINDOWS[-1]
    before = latest(schedule, since=long_ago, until=tick - timedelta(microseconds=1)) or long_ago
    return {
        "tick": spelled(tick),
        "date": tick.astimezone(zone).date().isoformat(),
        "previous_tick": spelled(before),
        "previous_date": before.astimezone(zone).date().isoformat(),
    }


def spelled(tick: datetime) -> str:
    """A tick as its run's key names it: ISO 8601 in UTC, to the second."""
    return tick.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ticks(schedule: Schedule, begin: datetime) -> Iterator[datetime]:
    """Ascending, also where clocks are put back: an expression that gives an hour twice gives each tick once."""
    last = None
    for local in CronSim(schedule.cron, begin.astimezone(ZoneInfo(schedule.time_zone))):
        tick = local.astimezone(UTC)
        if last is None or tick > last:
            last = tick
            yield tick
