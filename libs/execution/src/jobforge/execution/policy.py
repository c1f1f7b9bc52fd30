"""What becomes of a record when it is claimed, and of a run when an attempt fails: decided here, done elsewhere."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Literal, NamedTuple

from jobforge.contracts.jobs import JobError
from jobforge.execution.retry import delay_after

STARTS_BEFORE_ALONE = 2
"""Starts without an outcome after which an attempt runs alone in a child: the job may be what killed its workers."""
UNKNOWN_VERSION_WAITS = timedelta(minutes=10)
"""How long a record of a newer version waits for a worker that knows it: a rolling deploy."""
VIEW_REMEMBERS = timedelta(days=6)
"""The view keeps finished runs for 7 days; one that may be older is looked for in the archive before it starts."""

ClaimState = Literal["free", "held", "ended", "cancel"]


class Claimed(NamedTuple):
    """What the lease store said.

    ``free``: this claim holds the lease now. ``held``: another one does. ``ended``: the view has the run's manifest.
    ``cancel``: somebody asked to cancel it. ``known`` says whether the view has the run at all, ``starts`` how often
    this attempt began before without an outcome, ``fence`` grows with every claim.
    """

    state: ClaimState
    known: bool = True
    starts: int = 0
    fence: int = 0


UNLEASED = Claimed("free")
"""The lease store is away: leases only save work, so the job runs, unless the archive has its run."""


class Step(Enum):
    """What to do with a claimed record."""

    RUN = auto()
    ALONE = auto()
    """Run it in a child process of its own, whose death ends it."""
    DONE = auto()
    PARK = auto()
    """Somebody else works on it: look again later, as the same attempt."""
    CANCEL = auto()
    EXPIRE = auto()
    ARCHIVE = auto()
    """It may have ended before the view's memory begins: look in the archive first."""


def at_claim(
    claimed: Claimed, *, attempt: int, start_by: datetime | None, born: datetime | None, now: datetime
) -> Step:
    """The step for a record; ``born`` is when its run can have begun to exist at the earliest (None: any time).

    The view may know a run of long ago by nothing but this very request, or a wish to cancel it: until an attempt
    began, only the archive can tell.
    """
    fresh = attempt == 1 and claimed.starts == 0
    match claimed.state:
        case "ended":
            return Step.DONE
        case "held":
            return Step.PARK
        case _ if (fresh or not claimed.known) and (born is None or now - born > VIEW_REMEMBERS):
            return Step.ARCHIVE
        case "cancel":
            return Step.CANCEL
    if start_by is not None and now > start_by and fresh:
        return Step.EXPIRE
    return Step.ALONE if claimed.starts >= STARTS_BEFORE_ALONE else Step.RUN


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed. ``unforeseen``: it raised what is neither ``Retryable`` nor ``Terminal``."""

    error: JobError
    after: timedelta | None = None
    unforeseen: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    """Another attempt, after this wait."""

    delay: timedelta


class Ending(Enum):
    """No further attempt."""

    AS_IT_IS = auto()
    """The error is the run's end."""
    SPENT = auto()
    """Every attempt was used: the record becomes a dead letter."""


def after_failure(
    failure: Failure, *, attempt: int, attempts: int, forgiven: bool, first_delay: timedelta, chance: float
) -> Again | Ending:
    """Whether to try again. ``forgiven``: an earlier attempt raised something unforeseen, which is forgiven once."""
    if not failure.error.retryable or (failure.unforeseen and forgiven):
        return Ending.AS_IT_IS
    if attempt >= attempts:
        return Ending.SPENT
    return Again(delay_after(attempt, first=first_delay, after=failure.after, chance=chance))
