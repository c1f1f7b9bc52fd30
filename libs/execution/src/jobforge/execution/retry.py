"""How long a failed attempt waits before the next one, and in which topic."""

from datetime import timedelta

from jobforge.contracts.topics import RETRY_TIERS, RetryTier

FIRST_DELAY = timedelta(seconds=1)
"""The wait after the first attempt, unless a template says otherwise; it doubles with each further attempt."""
LONGEST_DELAY = RETRY_TIERS[-1].delay
JITTER = 0.2
"""A wait is stretched by up to this share, so that what failed together does not come back together."""


def delay_after(attempt: int, *, first: timedelta, after: timedelta | None, chance: float) -> timedelta:
    """The wait after the failure of ``attempt`` (counted from 1): exponential, never below ``after``.

    ``chance`` from 0 to 1 is how much of the jitter is added. No wait is longer than ``LONGEST_DELAY``.
    """
    doubled: int = 1 << min(attempt - 1, 30)
    grown = min(min(first, LONGEST_DELAY) * doubled, LONGEST_DELAY) * (1 + JITTER * chance)
    return min(max(grown, after or timedelta()), LONGEST_DELAY)


def tier_for(delay: timedelta) -> RetryTier:
    """The shortest tier in which a record may wait this long."""
    return next(tier for tier in RETRY_TIERS if tier.delay >= min(delay, LONGEST_DELAY))
