"""What a period is: two instants, read from a month, a day, or a start and an end, in a time zone that is named."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from jobforge.keys.errors import PeriodUnknown, RangeAbsurd, TimeZoneUnknown

FIRST_YEAR, LAST_YEAR = 2000, 2199
LONGEST = timedelta(days=400)
FORMS = (
    "a month (2026-11), a day (2026-11-23), or start/end (2026-11-01/2026-11-08, "
    "2026-11-23T10:00Z/2026-11-23T12:30+01:00; the end is excluded)"
)

_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?")
_LONGEST_GAP = timedelta(hours=25)
"""Clocks were never set forward by more: an island that changes its day skips 24 hours."""


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` up to and without ``end``, both in UTC; ``zone`` is whose days and hours count."""

    start: datetime
    end: datetime
    zone: ZoneInfo


def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name such as ``Europe/Berlin``; raises ``TimeZoneUnknown``."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise TimeZoneUnknown(
            f"time_zone {name!r:.60} is unknown: give an IANA name such as UTC or Europe/Berlin"
        ) from None


def period_of(text: str, zone: ZoneInfo) -> Period:
    """What the text says; raises ``PeriodUnknown`` or ``RangeAbsurd``."""
    first, slash, last = text.partition("/")
    if slash:
        period = Period(_edge(text, first, zone), _edge(text, last, zone), zone)
    elif _MONTH.fullmatch(text):
        begin = _date(text, f"{text}-01")
        period = Period(first_instant(begin, zone), first_instant(next_month(begin), zone), zone)
    elif _DAY.fullmatch(text):
        begin = _date(text, text)
        period = Period(first_instant(begin, zone), first_instant(begin + timedelta(days=1), zone), zone)
    else:
        raise _unknown(text)
    if period.end <= period.start:
        raise RangeAbsurd(f"period {text!r:.80} is empty: its end must be after its start")
    if period.end - period.start > LONGEST:
        raise RangeAbsurd(f"period {text!r:.80} is longer than {LONGEST.days} days: ask for parts of it")
    return period


def next_month(day: date) -> date:
    """The first of the month after that of ``day``."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins, in UTC: at midnight, or where the clock skips midnight, with the skip."""
    midnight = datetime.combine(day, time(), zone).astimezone(UTC)
    if midnight.astimezone(zone).time() == time():
        return midnight
    return transition(midnight - _LONGEST_GAP, midnight, zone)


def transition(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second at which the zone's offset becomes what it is at ``after``, having been another at ``before``."""
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if offset(middle, zone) == offset(after, zone):
            after = middle
        else:
            before = middle
    return after


def offset(instant: datetime, zone: ZoneInfo) -> timedelta | None:
    """By how much the zone's clocks are ahead of UTC."""
    return instant.astimezone(zone).utcoffset()


def _edge(period: str, text: str, zone: ZoneInfo) -> datetime:
    if _DAY.fullmatch(text):
        return first_instant(_date(period, text), zone)
    if not _INSTANT.fullmatch(text):
        raise _unknown(period)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _unknown(period) from None
    _check_year(period, at.year)
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
        if at.utcoffset() != at.replace(fold=1).utcoffset():
            raise PeriodUnknown(
                f"period {period!r:.80}: {text} comes twice or never in {zone.key}, where clocks are changed then: "
                "give it with an offset, such as +01:00"
            )
    return at.astimezone(UTC)


def _date(period: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise _unknown(period) from None
    _check_year(period, day.year)
    return day


def _check_year(period: str, year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise RangeAbsurd(f"period {period!r:.80} is outside the years {FIRST_YEAR} to {LAST_YEAR}")


def _unknown(text: str) -> PeriodUnknown:
    return PeriodUnknown(f"period {text!r:.80} is unknown: give {FORMS}")
