"""Buckets cover a period without gap or overlap, and follow the clock of its zone."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobforge.keys.buckets import edges, labels
from jobforge.keys.errors import GranularityUnknown
from jobforge.keys.periods import Period, period_of, zone_of

ZONES = ["UTC", "Europe/Berlin", "America/Havana", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]


def shown(text: str, granularity: str, zone: str = "UTC") -> tuple[str, ...]:
    """The labels."""
    period = period_of(text, zone_of(zone))
    return labels(edges(period, granularity), period)


def test_a_month_has_its_days_and_hours() -> None:
    """In UTC."""
    assert len(shown("2026-11", "daily")) == 30
    assert len(shown("2026-11", "hourly")) == 720
    assert shown("2026-11", "monthly") == ("2026-11-01T00:00:00+00:00",)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-23", 24)])
def test_a_day_on_which_clocks_are_changed_has_23_or_25_hours(day: str, hours: int) -> None:
    """Told apart by their offsets."""
    found = shown(day, "hourly", "Europe/Berlin")
    assert len(found) == len(set(found)) == hours


def test_the_hour_that_comes_twice_is_two_buckets() -> None:
    """First in summer time."""
    assert shown("2026-10-25", "hourly", "Europe/Berlin")[2:4] == (
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
    )


def test_days_stay_days_when_clocks_are_changed() -> None:
    """One bucket each, of 23, 24 and 25 hours."""
    period = period_of("2026-10-24/2026-10-27", zone_of("Europe/Berlin"))
    cuts = edges(period, "daily")
    assert [b - a for a, b in pairwise(cuts)] == [timedelta(hours=n) for n in (24, 25, 24)]


def test_a_clock_changed_by_half_an_hour_makes_half_an_hour_s_bucket() -> None:
    """As on Lord Howe Island."""
    assert shown("2026-04-05", "hourly", "Australia/Lord_Howe")[1:4] == (
        "2026-04-05T01:00:00+11:00",
        "2026-04-05T01:30:00+10:30",
        "2026-04-05T02:00:00+10:30",
    )


def test_hours_are_those_of_the_clock_where_zones_are_half_an_hour_off() -> None:
    """The first and last bucket are what the period leaves of them."""
    assert shown("2026-11-23T10:00Z/2026-11-23T12:00Z", "hourly", "Asia/Kolkata") == (
        "2026-11-23T15:30:00+05:30",
        "2026-11-23T16:00:00+05:30",
        "2026-11-23T17:00:00+05:30",
    )


def test_an_unknown_granularity_is_refused_by_name() -> None:
    """With those there are."""
    with pytest.raises(GranularityUnknown, match="hourly, daily, monthly"):
        shown("2026-11", "weekly")


@settings(max_examples=60)
@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2100, 1, 1)),
    st.integers(1, 20 * 86400),
    st.sampled_from(ZONES),
    st.sampled_from(["hourly", "daily", "monthly"]),
)
def test_every_instant_is_in_the_bucket_that_its_clock_shows(
    start: datetime, seconds: int, name: str, granularity: str
) -> None:
    """Whatever the zone: no gap, no overlap, and one clock hour, day or month a bucket."""
    begin = start.replace(microsecond=0, tzinfo=UTC)
    zone = ZoneInfo(name)
    cuts = edges(Period(begin, begin + timedelta(seconds=seconds), zone), granularity)
    assert list(cuts) == sorted(set(cuts))
    assert (cuts[0], cuts[-1]) == (begin, begin + timedelta(seconds=seconds))
    for first, after in pairwise(cuts):
        last = (after - timedelta(seconds=1)).astimezone(zone)
        here = first.astimezone(zone)
        match granularity:
            case "hourly":
                assert (here.date(), here.hour, here.utcoffset()) == (last.date(), last.hour, last.utcoffset())
            case "daily":
                assert here.date() == last.date()
            case _:
                assert (here.year, here.month) == (last.year, last.month)
