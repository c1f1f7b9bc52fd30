"""When schedules are due, over the days on which clocks are changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobforge.contracts.triggers import Schedule
from jobforge.scheduler.ticks import following, latest, problem, source, spelled

BERLIN = "Europe/Berlin"
"""Its clocks go from 2 to 3 on 29 March 2026, and from 3 to 2 on 25 October 2026."""


def schedule(cron: str, time_zone: str = BERLIN) -> Schedule:
    return Schedule(name="s", cron=cron, time_zone=time_zone, tenant_id="acme", template="keys.usage.aggregate")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ticks(cron: str, begin: str, end: str, time_zone: str = BERLIN) -> list[str]:
    """Every tick in (begin, end], as the schedule comes by them."""
    found, moment = [], at(begin)
    while (tick := following(schedule(cron, time_zone), moment)) is not None and tick <= at(end):
        found.append(tick.strftime("%d %H:%M"))
        moment = tick
    return found


def test_a_daily_tick_keeps_its_local_hour_through_the_year() -> None:
    """Two in summer is midnight in UTC, in winter one."""
    assert ticks("0 2 * * *", "2026-10-23T12:00", "2026-10-26T12:00") == ["24 00:00", "25 00:00", "26 01:00"]
    assert ticks("0 2 * * *", "2026-10-24T12:00", "2026-10-26T12:00", "UTC") == ["25 02:00", "26 02:00"]


def test_an_hour_that_does_not_exist_is_made_up_for_once() -> None:
    """Half past two is skipped in March: the tick comes when the clock has moved on."""
    assert ticks("30 2 * * *", "2026-03-28T12:00", "2026-03-30T12:00") == ["29 01:00", "30 00:30"]


def test_an_hour_that_comes_twice_ticks_once() -> None:
    """Half past two comes twice in October."""
    assert ticks("30 2 * * *", "2026-10-24T12:00", "2026-10-26T12:00") == ["25 00:30", "26 01:30"]


def test_what_ticks_every_half_hour_goes_on_through_the_change() -> None:
    """No half hour is left out or doubled."""
    assert ticks("*/30 * * * *", "2026-10-24T23:45", "2026-10-25T02:15") == [
        "25 00:00", "25 00:30", "25 01:00", "25 01:30", "25 02:00",
    ]  # fmt: skip


def test_after_an_outage_only_the_last_tick_is_due() -> None:
    """However many were missed."""
    daily = schedule("0 2 * * *")
    assert latest(daily, since=at("2026-11-01T01:00"), until=at("2026-11-20T12:00")) == at("2026-11-20T01:00")
    assert latest(daily, since=at("2026-11-20T01:00"), until=at("2026-11-20T12:00")) is None
    assert latest(schedule("0 0 1 1 *"), since=at("2019-06-01T00:00"), until=at("2026-11-20T12:00")) == at(
        "2025-12-31T23:00"
    )


@settings(max_examples=60, deadline=None)
@given(
    cron=st.sampled_from(["30 2 * * *", "0 3 * * *", "*/15 * * * *", "15 */2 * * *", "0 0 * * 0", "10,50 1-3 * * *"]),
    zone=st.sampled_from([BERLIN, "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    begin=st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 30), timezones=st.just(UTC)),
    length=st.timedeltas(timedelta(0), timedelta(days=3)),
)
def test_the_last_tick_is_the_same_from_wherever_one_looks(
    cron: str, zone: str, begin: datetime, length: timedelta
) -> None:
    """A tick names a run: two replicas, or one after a restart, must agree on it."""
    one, end = schedule(cron, zone), begin + length
    moment, last = begin, None
    while (tick := following(one, moment)) is not None and tick <= end:
        moment = last = tick
    assert latest(one, since=begin, until=end) == last


def test_inputs_are_made_from_the_tick_and_the_one_before() -> None:
    """Days in the schedule's zone."""
    assert source(schedule("0 0 * * *"), at("2026-10-25T22:00")) == {
        "tick": "2026-10-25T22:00:00Z",
        "date": "2026-10-25",
        "previous_tick": "2026-10-24T22:00:00Z",
        "previous_date": "2026-10-25",
    }


def test_a_tick_is_spelled_in_utc_whatever_its_zone() -> None:
    """It is part of a run's key."""
    assert spelled(datetime(2026, 7, 1, 2, tzinfo=ZoneInfo(BERLIN))) == "2026-07-01T00:00:00Z"


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("* * * *", "does not have 5 fields"),
        ("0 0 * * * *", "does not have 5 fields"),
        ("61 * * * *", "Bad minute"),
        ("0 0 31 2 *", "Bad day-of-month"),
        ("noon", "5 fields"),
    ],
)
def test_an_expression_that_never_ticks_is_told_apart(cron: str, said: str) -> None:
    """With what is wrong."""
    assert said in (problem(cron, ZoneInfo("UTC"), at("2026-01-01T00:00")) or "")
    assert problem("*/5 8-18 * * MON-FRI", ZoneInfo(BERLIN), at("2026-01-01T00:00")) is None
