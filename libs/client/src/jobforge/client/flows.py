"""What takes several calls, as generators that yield each step and are sent its result, with no I/O of their own."""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import pydantic_core

from jobforge.client.answers import EventOutcome
from jobforge.client.errors import JobForgeError, JobForgeInvalid, JobForgeNotFound, JobForgeTimeout
from jobforge.client.exchange import Call, Reply, to_json
from jobforge.client.reads import get_job as get_job_call
from jobforge.client.reads import get_run_manifest as get_run_manifest_call
from jobforge.client.repeats import Deadline
from jobforge.client.writes import event_body
from jobforge.contracts.jobs import Job
from jobforge.contracts.manifest import RunManifest

T = TypeVar("T")
LONG_POLL = 25.0
"""Seconds that one long poll may be held; below what common proxies cut off at."""
BATCH_EVENTS = 1000
BATCH_BYTES = 16 * 1024 * 1024
_SHORTEST_POLL, _LONGEST_POLL = 0.1, 5.0


@dataclass(frozen=True, slots=True)
class Sleep:
    """A pause of so many seconds."""

    seconds: float


Step = Call[Any] | Sleep
Flow = Generator[Step, Any, T]


def get_job(job_id: UUID | str, tenant_id: str) -> Flow[Job | None]:
    """A job, or None when the tenant has no such run; every other failure raises."""
    return (yield from _known_or_none(get_job_call(job_id, tenant_id)))


def get_run_manifest(*, run_id: UUID | str, tenant_id: str) -> Flow[RunManifest | None]:
    """The record of a run (``status`` ``pending`` and no digest while it is unfinished), or None without such a run."""
    return (yield from _known_or_none(get_run_manifest_call(run_id=run_id, tenant_id=tenant_id)))


def _known_or_none(call: Call[T]) -> Flow[T | None]:
    try:
        found: T = yield call
    except JobForgeNotFound as error:
        if error.code != "run.not_found":
            raise
        return None
    return found


def wait(job_id: UUID | str, tenant_id: str, timeout: float = 60) -> Flow[Job]:
    """The job when it has ended; raises ``JobForgeTimeout`` after ``timeout`` seconds.

    The plane holds each question until the job changes. While it cannot (it restarts, or something between cuts
    long answers off), the job is polled with exponential backoff.
    """
    deadline = Deadline(timeout)
    job: Job | None = None
    failure: JobForgeError | None = None
    pause = _SHORTEST_POLL
    while True:
        hold = min(LONG_POLL, deadline.left())
        asked = Deadline(hold)
        try:
            answer: Job = yield get_job_call(job_id, tenant_id, wait=hold, repeats=False)
        except JobForgeError as error:
            if not error.transient:
                raise
            failure, held = error, False
        else:
            if answer.is_terminal:
                return answer
            held = _differs(job, answer) or asked.left() < hold / 2
            job, failure = answer, None
        if deadline.left() <= 0:
            raise _late(job_id, timeout, job, failure)
        if held:
            pause = _SHORTEST_POLL
        else:
            yield Sleep(min(pause, deadline.left()))
            pause = min(pause * 2, _LONGEST_POLL)


def _differs(before: Job | None, now: Job) -> bool:
    return before is None or before.model_copy(update={"as_of": now.as_of}) != now


def _late(job_id: UUID | str, timeout: float, job: Job | None, failure: JobForgeError | None) -> JobForgeError:
    if job is None and failure is not None:
        return failure
    state = f"is still {job.status}" if job else "gave no state"
    message = f"run {job_id} {state} after {timeout:g} s"
    return JobForgeTimeout(f"{message} ({failure.message})" if failure else message, code="client.timeout", job=job)


def submit_events(events: Iterable[Mapping[str, Any]]) -> Flow[list[EventOutcome]]:
    """Send many events, each a mapping of ``submit_event``'s arguments; one outcome for each, in order.

    A bad event never spoils the others: look at each outcome's ``error``. They travel in chunks. When a whole chunk
    cannot be sent, its error is raised, with the outcomes of the chunks before it in ``details["outcomes"]``; give
    each event its own ``event_id`` to be able to send all of them again without counting any twice.
    """
    outcomes: list[EventOutcome] = []
    for chunk in chunks(to_json(event_body(event)) for event in events):
        try:
            outcomes += yield _batch(chunk)
        except JobForgeInvalid as error:
            if len(chunk) > 1 or error.status != 413:
                error.details["outcomes"] = outcomes
                raise
            outcomes.append(EventOutcome(status=413, error=error.problem))
        except JobForgeError as error:
            error.details["outcomes"] = outcomes
            raise
    return outcomes


def chunks(lines: Iterable[bytes]) -> Iterable[list[bytes]]:
    """Lines in groups that one batch takes: up to 1,000 and 16 MiB; a longer line goes alone."""
    group: list[bytes] = []
    total = 0
    for line in lines:
        if group and (len(group) == BATCH_EVENTS or total + len(line) + 1 > BATCH_BYTES):
            yield group
            group, total = [], 0
        group.append(line)
        total += len(line) + 1
    if group:
        yield group


def _batch(lines: list[bytes]) -> Call[list[EventOutcome]]:
    def read(reply: Reply) -> list[EventOutcome]:
        outcomes = _outcomes(reply.body)
        if len(outcomes) != len(lines):
            raise ValueError(f"{len(outcomes)} outcomes for {len(lines)} events")
        return outcomes

    headers = {"content-type": "application/x-ndjson"}
    return Call("POST", "/v1/events:batch", read, headers=headers, content=b"\n".join(lines) + b"\n")


def _outcomes(body: bytes) -> list[EventOutcome]:
    found = pydantic_core.from_json(body)
    listed = found if isinstance(found, list) else found["outcomes"]
    return [EventOutcome.model_validate(each) for each in listed]
