"""When an attempt is followed by another, how long that waits, and what a claim means."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobforge.contracts.jobs import JobError
from jobforge.contracts.topics import RETRY_TIERS
from jobforge.execution.policy import (
    UNLEASED,
    VIEW_REMEMBERS,
    Again,
    Claimed,
    Ending,
    Failure,
    Step,
    after_failure,
    at_claim,
)
from jobforge.execution.retry import JITTER, LONGEST_DELAY, delay_after, tier_for

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WAITS = st.timedeltas(min_value=timedelta(), max_value=timedelta(hours=2)) | st.just(timedelta.max)


@given(st.integers(1, 1000), WAITS, st.none() | WAITS, st.floats(0, 1))
def test_no_wait_is_longer_than_the_longest_tier_and_none_shorter_than_its_hint(
    attempt: int, first: timedelta, after: timedelta | None, chance: float
) -> None:
    """Up to the longest tier a hint is kept, and every wait fits a tier that is not below it."""
    delay = delay_after(attempt, first=first, after=after, chance=chance)
    assert delay <= LONGEST_DELAY
    assert delay >= min(after or timedelta(), LONGEST_DELAY)
    assert tier_for(delay).delay >= delay


def test_waits_double_and_jitter_adds_at_most_a_fifth() -> None:
    """1, 2, 4, 8 seconds, each stretched by up to 20 %."""
    for chance in (0.0, 1.0):
        waits = [delay_after(n, first=SECOND, after=None, chance=chance) for n in (1, 2, 3, 4)]
        assert waits == [SECOND * 2**n * (1 + JITTER * chance) for n in range(4)]


@pytest.mark.parametrize(("seconds", "name"), [(0, "5s"), (5, "5s"), (5.1, "30s"), (120, "2m"), (121, "10m")])
def test_a_wait_goes_to_the_smallest_tier_that_is_not_below_it(seconds: float, name: str) -> None:
    """Nothing waits in a tier that ends before it is due."""
    assert tier_for(timedelta(seconds=seconds)).topic.name == f"jobforge.retry.{name}"
    assert [tier.delay for tier in RETRY_TIERS] == sorted(tier.delay for tier in RETRY_TIERS)


def decided(*, retryable: bool, attempt: int, unforeseen: bool = False, forgiven: bool = False) -> Again | Ending:
    """What becomes of a run of three attempts."""
    failure = Failure(JobError(code="x", message="", retryable=retryable), None, unforeseen)
    return after_failure(failure, attempt=attempt, attempts=3, forgiven=forgiven, first_delay=SECOND, chance=0)


def test_a_retryable_failure_is_tried_again_until_its_attempts_are_spent() -> None:
    """Two more tries of three, then the dead letters."""
    assert [decided(retryable=True, attempt=n) for n in (1, 2, 3)] == [Again(SECOND), Again(2 * SECOND), Ending.SPENT]


def test_a_terminal_failure_is_never_tried_again() -> None:
    """Whatever attempt it is."""
    assert {decided(retryable=False, attempt=n) for n in (1, 2, 3)} == {Ending.AS_IT_IS}


def test_what_nobody_foresaw_is_forgiven_once() -> None:
    """The first time it counts as retryable, the second time it is the end, with attempts left."""
    assert decided(retryable=True, unforeseen=True, attempt=1) == Again(SECOND)
    assert decided(retryable=True, unforeseen=True, attempt=2, forgiven=True) is Ending.AS_IT_IS
    assert decided(retryable=True, attempt=2, forgiven=True) == Again(2 * SECOND)


def step(claimed: Claimed, *, attempt: int = 1, start_by: datetime | None = None, born: datetime | None = NOW) -> Step:
    """What a claim at ``NOW`` means."""
    return at_claim(claimed, attempt=attempt, start_by=start_by, born=born, now=NOW)


def test_a_claim_says_what_to_do() -> None:
    """Ended runs are done, held ones wait, cancelled ones end, free ones run."""
    assert step(Claimed("ended")) is Step.DONE
    assert step(Claimed("held")) is Step.PARK
    assert step(Claimed("cancel")) is Step.CANCEL
    assert step(Claimed("free")) is Step.RUN
    assert step(UNLEASED) is Step.RUN


def test_the_third_start_of_an_attempt_without_an_outcome_is_alone() -> None:
    """Two workers that died over it are enough."""
    assert [step(Claimed("free", starts=n)) for n in (0, 1, 2, 3)] == [Step.RUN, Step.RUN, Step.ALONE, Step.ALONE]


def test_only_a_run_that_never_began_can_expire() -> None:
    """A start, or a second attempt, was in time."""
    late = NOW - SECOND
    assert step(Claimed("free"), start_by=late) is Step.EXPIRE
    assert step(Claimed("free"), start_by=NOW + SECOND) is Step.RUN
    assert step(Claimed("free", starts=1), start_by=late) is Step.RUN
    assert step(Claimed("free"), start_by=late, attempt=2) is Step.RUN


def test_an_unknown_run_that_may_be_older_than_the_views_memory_is_looked_for_in_the_archive() -> None:
    """A key of any age, or a record from long ago; never a run that was surely made just now.

    That the view knows a run means nothing before its first start: it may have let go of it, and know it again by
    this request alone. Its job ran again, and had a second manifest.
    """
    unknown = Claimed("free", known=False)
    assert step(unknown, born=None) is Step.ARCHIVE
    assert step(unknown, born=NOW - VIEW_REMEMBERS - SECOND) is Step.ARCHIVE
    assert step(unknown, born=NOW - SECOND) is Step.RUN
    for known in (Claimed("free", known=True), UNLEASED, Claimed("cancel", known=True)):
        assert step(known, born=None) is Step.ARCHIVE
    assert step(Claimed("free", known=True, starts=1), born=None) is Step.RUN
    assert step(Claimed("free", known=True), born=None, attempt=2) is Step.RUN
    assert step(unknown, born=None, attempt=2) is Step.ARCHIVE
    assert step(Claimed("cancel", known=False), born=None) is Step.ARCHIVE
