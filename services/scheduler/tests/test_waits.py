"""How long a record waits is bounded by its tier, whatever its headers and the clocks say."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobforge.contracts.delivery import Delivery
from jobforge.scheduler.waits import TIERS, after_waiting, wait_of, way_back

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
spans = st.timedeltas(min_value=timedelta(days=-400), max_value=timedelta(days=400))
tiers = st.sampled_from(sorted(TIERS.values()))


@given(spans, tiers)
def test_no_record_waits_longer_than_its_tier_and_none_less_than_nothing(until: timedelta, tier: timedelta) -> None:
    """A clock that jumped by an hour, or a header from nowhere, costs at most the tier's delay."""
    wait = wait_of(Delivery(not_before=NOW + until), NOW, tier)
    assert timedelta() <= wait <= tier
    if timedelta() <= until <= tier:
        assert wait == until


def test_a_record_that_says_nothing_of_time_is_due_at_once() -> None:
    """There is nothing to wait for."""
    assert wait_of(Delivery(), NOW, timedelta(minutes=10)) == timedelta()


@pytest.mark.parametrize("topic", ["jobforge.jobs.echo", "jobforge.jobs.echo.slow", "jobforge.jobs.a-1"])
def test_a_record_goes_back_to_a_jobs_topic(topic: str) -> None:
    """Of either lane."""
    assert way_back(Delivery(return_to=topic)) == topic


@pytest.mark.parametrize(
    "topic",
    [
        None,
        "",
        "jobforge.runs",
        "jobforge.retry.5s",
        "jobforge.jobs.",
        "jobforge.jobs.Echo",
        "jobforge.jobs.echo\n",
        "x",
    ],
)
def test_a_record_goes_nowhere_but_to_a_jobs_topic(topic: str | None) -> None:
    """Anybody may write a header; it must not become a way to write to any topic."""
    assert way_back(Delivery(return_to=topic)) is None


@given(st.lists(st.tuples(st.sampled_from(["traceparent", "jobforge-attempt", "jobforge-error", "x"]), st.binary())))
def test_what_is_not_about_the_wait_travels_on_untouched(others: list[tuple[str, bytes]]) -> None:
    """Attempt, error, trace and whatever else: in order, byte for byte, one name twice too."""
    about = [("jobforge-not-before", b"1"), ("jobforge-return-to", b"jobforge.jobs.echo")]
    assert after_waiting((*about, *others, *about)) == tuple(others)
