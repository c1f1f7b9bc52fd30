"""Periods mean what people mean by them, on days when clocks are changed too."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobforge.keys.errors import PeriodUnknown, RangeAbsurd, TimeZoneUnknown
from jobforge.keys.periods import first_instant, period_of, zone_of

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Havana",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
]
"""Some whose clocks skip or repeat midnight, half an hour, or a day."""


def utc(text: str) -> datetime:
    """The instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "start", "end"),
    [
        ("2026-11", "UTC", "2026-11-01", "2026-12-01"),
        ("2026-12", "UTC", "2026-12-01", "2027-01-01"),
        ("2024-02", "UTC", "2024-02-01", "2024-03-01"),
        ("2026-11-23", "UTC", "2026-11-23", "2026-11-24"),
        ("2026-11-23", "Europe/Berlin", "2026-11-22T23:00", "2026-11-23T23:00"),
        ("2026-03-29", "Europe/Berlin", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("2026-10-25", "Europe/Berlin", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00", "2018-11-05T02:00"),
        ("2026-11-01/2026-11-08", "UTC", "2026-11-01", "2026-11-08"),
        ("2026-11-23T10:00Z/2026-11-23T12:30+01:00", "UTC", "2026-11-23T10:00", "2026-11-23T11:30"),
        ("2026-07-01T10:00/2026-07-01T11:00:30", "Europe/Berlin", "2026-07-01T08:00", "2026-07-01T09:00:30"),
    ],
)
def test_a_period_is_read_in_its_time_zone(text: str, zone: str, start: str, end: str) -> None:
    """The end is excluded. In Sao Paulo's November 2018 the clock skipped midnight."""
    period = period_of(text, zone_of(zone))
    assert (period.start, period.end) == (utc(start), utc(end))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "november",
        "2026",
        "2026-13",
        "2026-02-30",
        "2026-11-23/",
        "/2026-11-23",
        "2026-11-01/2026-11-08/2026-11-09",
        "2026-11-01/P1D",
        "2026-11-23T25:00Z/2026-11-24",
        "20261123/20261124",
        "２０２６-11",
        "2026-11\n",
    ],
)
def test_what_is_no_period_is_refused_with_the_forms_there_are(text: str) -> None:
    """By its code; the message shows how to write one."""
    with pytest.raises(PeriodUnknown, match=r"give a month \(2026-11\)") as refused:
        period_of(text, BERLIN)
    assert refused.value.code == "usage.period_unknown"


@pytest.mark.parametrize("text", ["2026-03-29T02:30/2026-03-30", "2026-10-25T02:30/2026-10-26"])
def test_a_local_time_that_no_clock_or_two_clocks_show_needs_an_offset(text: str) -> None:
    """One is skipped in March, the other comes twice in October."""
    with pytest.raises(PeriodUnknown, match="offset"):
        period_of(text, BERLIN)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23/2026-11-23",
        "2026-11-24/2026-11-23",
        "2020-01-01/2026-01-01",
        "1999-12",
        "2200-01-01",
        "0000-01",
        "1999-01-01T00:00Z/2001-01-01",
    ],
)
def test_absurd_ranges_are_refused_by_name(text: str) -> None:
    """Empty, backwards, too long, or outside the years."""
    with pytest.raises((RangeAbsurd, PeriodUnknown)) as refused:
        period_of(text, BERLIN)
    assert refused.value.code == ("usage.period_unknown" if text == "0000-01" else "usage.range_absurd")


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "Europe", "CEST+1\x00"])
def test_an_unknown_time_zone_is_refused_by_name(name: str) -> None:
    """Whatever it would be as a path."""
    with pytest.raises(TimeZoneUnknown):
        zone_of(name)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(ZONES))
def test_a_day_begins_with_the_first_instant_that_shows_its_date(day: date, name: str) -> None:
    """And not a second before; a day that an island skips begins with the next one."""
    zone = ZoneInfo(name)
    begin = first_instant(day, zone)
    assert begin.astimezone(zone).date() >= day
    assert (begin - timedelta(seconds=1)).astimezone(zone).date() < day
