"""What is to be done about an unfinished run: a pure function of what is known of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from jobforge.scheduler.rows import OpenRun

LATEST_LOOK = timedelta(minutes=10)
"""No run is left alone for longer."""
SOON = timedelta(seconds=5)
"""When to look again at a run that somebody works on, or that cannot be judged yet."""
PUT_OFF = timedelta(seconds=30)
"""When to try again what could not be done."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Whereabouts = Literal["unasked", "waiting", "nowhere"]
"""Of the run's record: whether anybody will still read it. What cannot be known counts as waiting."""
EndCode = Literal["job.canceled", "job.timeout", "job.expired", "job.lost"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things are given before a run is ended from outside."""

    every: timedelta = timedelta(seconds=1)
    """Between two looks at what is due."""
    unsettled: timedelta = timedelta(seconds=30)
    """After a start, a rebuild of the view or an outage of Redis: nobody's time is over while leases may be missing."""
    past_deadline: timedelta = timedelta(seconds=30)
    unstarted: timedelta = timedelta(seconds=60)
    """What a request, put back or new, gets until an attempt begins; doubled each time that it is put back."""
    waiting: timedelta = timedelta(seconds=30)
    """Between two looks at a run that waits, however long."""
    republications: int = 3

    def after(self, count: int) -> timedelta:
        """How long the request rests once it was put back ``count`` times."""
        return self.unstarted * int(2 ** max(0, count - 1))


@dataclass(frozen=True, slots=True)
class Republished:
    """How often the run's request was put back, or was not there to be put back, and until when it rests after that."""

    count: int = 0
    until: datetime = EPOCH


@dataclass(frozen=True, slots=True)
class Forget:
    """The run has ended, or its row is gone."""


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Nothing is to be done before then."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Search:
    """Find out whether the run's record waits anywhere, and ask again."""


@dataclass(frozen=True, slots=True)
class Republish:
    """Put the request back, for the ``count``th time; one that is gone is missed instead."""

    count: int


@dataclass(frozen=True, slots=True)
class Close:
    """End the run."""

    code: EndCode
    message: str


Verdict = Forget | LookAgain | Search | Republish | Close


def decide(
    run: OpenRun,
    *,
    now: datetime,
    held: bool,
    settled: bool,
    patience: Patience,
    republished: Republished | None = None,
    whereabouts: Whereabouts = "unasked",
) -> Verdict:
    """``held``: somebody holds a live lease on the run; ``settled``: leases and rows can be relied on."""
    if run.ended:
        return Forget()
    if run.request is None:
        return LookAgain(now + LATEST_LOOK) if run.started else Forget()
    if run.running:
        return _running(run, now, held, settled, patience)
    if run.cancel:
        # Safe at any time: should an attempt begin this moment, the run still ends as it was asked to.
        return LookAgain(now + SOON) if held else Close("job.canceled", _canceled(run))
    expires = None if run.started else run.request.start_by
    if held or not settled:
        return LookAgain(now + SOON)
    if expires is not None and expires <= now:
        return Close("job.expired", f"no attempt had begun by {expires.isoformat()}")
    return _unstarted(run, now, patience, republished or Republished(), whereabouts, expires)


def _running(run: OpenRun, now: datetime, held: bool, settled: bool, patience: Patience) -> Verdict:
    deadline = run.deadline
    if deadline is None:
        return LookAgain(now + LATEST_LOOK)
    over = deadline + patience.past_deadline
    if now <= over:
        return LookAgain(min(over, now + LATEST_LOOK))
    if held or not settled:
        return LookAgain(now + SOON)
    if run.cancel:
        return Close("job.canceled", "the run was canceled on request, and its worker vanished")
    return Close("job.timeout", f"its time was over at {deadline.isoformat()} and its worker vanished")


def _unstarted(
    run: OpenRun,
    now: datetime,
    patience: Patience,
    republished: Republished,
    whereabouts: Whereabouts,
    expires: datetime | None,
) -> Verdict:
    """A run of which no attempt began, or not the next one."""
    assert run.request is not None
    rested = max(republished.until, EPOCH if run.started else run.request.requested_at + patience.unstarted)
    if now < rested:
        return LookAgain(min(rested, expires or rested, now + LATEST_LOOK))
    if whereabouts == "unasked":
        return Search()
    if whereabouts == "waiting":
        later = now + patience.waiting
        return LookAgain(min(later, expires or later))
    if republished.count < patience.republications:
        return Republish(republished.count + 1)
    tries = f"its request was put back, or was gone from the log, {republished.count} times"
    return Close("job.lost", f"no attempt began and {tries}")


def _canceled(run: OpenRun) -> str:
    return (
        "the run was canceled on request, between two attempts"
        if run.started
        else "the run was canceled on request, before it began"
    )
