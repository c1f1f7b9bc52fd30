"""What happened to a run, in order, and where its time went."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import zip_longest

from jobforge.autopilot.diagnosing.case import Case
from jobforge.autopilot.diagnosing.results import Moment, Spent
from jobforge.contracts.jobs import JobError
from jobforge.contracts.manifest import Attempt

SPENT = "job.attempts_exhausted"
MOST_MOMENTS = 60
"""Of a timeline; events and other runs that do not fit are counted instead."""
MOST_ATTEMPTS = 20
"""Of a run with more the first and the last are listed."""
LONGEST_QUOTE = 300
_CLOSED_BY = "scheduler"
"""The service that ends a run whose worker vanished."""
_UNKNOWN = datetime.max.replace(tzinfo=UTC)


def began(case: Case) -> list[Attempt]:
    """The attempts that began, in time order."""
    attempts = [each for each in case.manifest.attempts if each.started_at is not None]
    return sorted(attempts, key=lambda each: (each.started_at, each.number))


def code_of(error: JobError | None) -> str:
    """The code that tells most: what spent the attempts rather than that they are spent."""
    if error is None:
        return ""
    return str((error.cause or {}).get("code") or error.code) if error.code == SPENT else error.code


def message_of(error: JobError | None) -> str:
    """The message that belongs to ``code_of``."""
    if error is None:
        return ""
    return str((error.cause or {}).get("message") or error.message) if error.code == SPENT else error.message


def quoted(error: JobError | None) -> str:
    """An error as text: its code and its message, in one line and cut."""
    said = " ".join(message_of(error).split())
    return f"{code_of(error)}: {said if len(said) <= LONGEST_QUOTE else said[:LONGEST_QUOTE] + '…'}" if error else ""


def lasting(seconds: float) -> str:
    """A duration as a person reads it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def vanished(case: Case) -> bool:
    """Whether the run was ended for a worker that did not come back."""
    environment = case.manifest.environment
    timed_out = code_of(case.manifest.error) == "job.timeout"
    return bool(timed_out and environment and environment.service == _CLOSED_BY)


def time_spent(case: Case) -> Spent:
    """Where the time went; attempts that overlap count until the next one begins."""
    attempts, asked, ended = began(case), _asked(case), _ended(case)
    running = waiting = lost = 0.0
    for attempt, after in zip_longest(attempts, attempts[1:]):
        limit = (after.started_at if after else ended) or attempt.finished_at
        if attempt.finished_at is None or (after is None and vanished(case)):
            lost += _between(attempt.started_at, limit) or 0.0
            continue
        finished = min(attempt.finished_at, limit) if limit else attempt.finished_at
        running += _between(attempt.started_at, finished) or 0.0
        waiting += _between(finished, limit) or 0.0
    return Spent(
        queued=_between(asked, attempts[0].started_at if attempts else ended),
        running=round(running, 6),
        waiting=round(waiting, 6),
        lost=round(lost, 6),
        total=_between(asked, ended),
    )


def timeline(case: Case) -> list[Moment]:
    """Events and other runs of the trace, the attempts with their errors and waits, and the end."""
    own = [*_own(case)]
    around = [*_around(case)]
    room = max(0, MOST_MOMENTS - len(own))
    moments = sorted(own + around[:room], key=lambda each: each.at or _UNKNOWN)
    if len(around) > room:
        more = len(around) - room
        moments.append(Moment(at=None, what="more in the trace", detail=f"{more} events and runs are not listed"))
    return moments


def _own(case: Case) -> Iterator[Moment]:
    run, spent, attempts = case.run, time_spent(case), began(case)
    by = ", ".join(filter(None, (case.manifest.requested_by.source_app, case.manifest.requested_by.actor_id)))
    if asked := _asked(case):
        yield Moment(at=asked, what="requested", detail=f"{run.template_key}{f' by {by}' if by else ''}")
    omitted = range(MOST_ATTEMPTS // 2 + 1, len(attempts) - MOST_ATTEMPTS // 2 + 1)
    for number, (attempt, after) in enumerate(zip_longest(attempts, attempts[1:]), 1):
        if number in omitted:
            if number == omitted[0]:
                yield Moment(at=attempt.started_at, what=f"{len(omitted)} attempts more", detail="they are not listed")
            continue
        waited = f" after {lasting(spent.queued)} in the queue" if number == 1 and spent.queued is not None else ""
        yield Moment(
            at=attempt.started_at, what=f"attempt {attempt.number} began", detail=f"on {attempt.worker}{waited}"
        )
        yield _closing(attempt, after)
    yield Moment(at=_ended(case), what=run.status, detail=quoted(case.manifest.error))


def _closing(attempt: Attempt, after: Attempt | None) -> Moment:
    if attempt.finished_at is None or attempt.outcome == "lost":
        until = f", until the next began {lasting(gone)} later" if (gone := _gap(attempt, after)) is not None else ""
        # At the latest moment that is known of it: nobody saw when it was lost.
        return Moment(at=attempt.started_at, what=f"attempt {attempt.number} was lost", detail=f"no outcome{until}")
    ran = lasting(_between(attempt.started_at, attempt.finished_at) or 0.0)
    parts = [f"after {ran}", quoted(attempt.error)]
    if after is not None:
        waited = _between(attempt.finished_at, after.started_at) or 0.0
        parts.append(f"(the next one began {lasting(waited)} later)")
    what = f"attempt {attempt.number} {attempt.outcome or 'ended'}"
    return Moment(at=attempt.finished_at, what=what, detail=" ".join(filter(None, parts)))


def _around(case: Case) -> Iterator[Moment]:
    for event in case.events:
        yield Moment(at=event.at, what="event", detail=f"{event.event_type} from {event.source_app}")
    for other in case.others:
        said = f": {quoted(other.error)}" if other.error else ""
        yield Moment(
            at=other.created_at, what="another run", detail=f"{other.template_key} ({other.id}) {other.status}{said}"
        )


def _asked(case: Case) -> datetime | None:
    return case.manifest.timings.requested_at or case.run.created_at


def _ended(case: Case) -> datetime | None:
    return case.manifest.timings.finished_at or case.run.finished_at


def _gap(attempt: Attempt, after: Attempt | None) -> float | None:
    return _between(attempt.started_at, after.started_at) if after else None


def _between(earlier: datetime | None, later: datetime | None) -> float | None:
    """Seconds, never negative: two machines' clocks may disagree."""
    if earlier is None or later is None:
        return None
    return max(0.0, round((later - earlier).total_seconds(), 6))


def ran_for(attempts: Sequence[Attempt]) -> list[float]:
    """How long each attempt ran, of those that reported."""
    return [_between(each.started_at, each.finished_at) or 0.0 for each in attempts if each.finished_at is not None]
