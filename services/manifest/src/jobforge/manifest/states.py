"""What the view keeps of a run, as plain frozen values, and the JSON they are stored as in a row."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

import orjson

from jobforge.contracts.jobs import JobError, JobStatus, Progress, RequestedBy

NOBODY = RequestedBy()


class Request(NamedTuple):
    """What the view keeps of a request: all but its inputs, which only a worker knows how to redact.

    ``topic`` and ``offset`` say where the record stands that a worker takes it from; unknown in what a terminal
    record says of its request.
    """

    template_key: str
    template_version: str
    trace_id: str
    requested_at: datetime
    project_id: str | None = None
    dry_run: bool = False
    replay_of: UUID | None = None
    max_attempts: int = 1
    start_by: datetime | None = None
    body_digest: str | None = None
    topic: str | None = None
    offset: int | None = None
    requested_by: RequestedBy = NOBODY


class Start(NamedTuple):
    """One start of an attempt; the claim tells two starts of one attempt apart. ``error`` is there once it retried."""

    number: int
    claim: str
    worker: str
    started_at: datetime
    deadline: datetime | None = None
    finished_at: datetime | None = None
    error: JobError | None = None


class Change(NamedTuple):
    """One step of a run's status, and where in ``jobforge.runs`` it was taken."""

    offset: int
    status: JobStatus
    attempt: int


class End(NamedTuple):
    """How a run ended: the first terminal record in the log."""

    offset: int
    started_at: datetime | None
    finished_at: datetime | None
    digest: str
    request: Request | None
    error: JobError | None


class RunState(NamedTuple):
    """What ``jobforge.runs`` says about one run, up to some offset."""

    offset: int = -1
    """Of the last record that changed what is shown."""
    status: JobStatus | None = None
    """None until an attempt starts."""
    attempt: int = 0
    starts: tuple[Start, ...] = ()
    progress: Progress | None = None
    cancel_requested: bool = False
    changes: tuple[Change, ...] = ()
    end: End | None = None
    duplicates: int = 0


NOTHING = RunState()


def stored_request(request: Request) -> bytes:
    """The row's field ``request``; what is absent, empty or false is left out."""
    return _dumps(_request(request))


def parsed_request(held: bytes) -> Request:
    """What ``stored_request`` wrote."""
    return _parsed_request(orjson.loads(held))


def stored_run(state: RunState) -> bytes:
    """The row's field ``run``; what is absent, empty or false is left out."""
    offset, status, attempt, starts, progress, cancel_requested, changes, end, duplicates = state
    fields: dict[str, Any] = {"offset": offset}
    if status:
        fields["status"] = status
    if attempt:
        fields["attempt"] = attempt
    if starts:
        fields["starts"] = [_start(start) for start in starts]
    if progress:
        fields["progress"] = _given(fraction=progress.fraction, message=progress.message)
    if cancel_requested:
        fields["cancel_requested"] = True
    if changes:
        fields["changes"] = [
            {"offset": change.offset, "status": change.status, "attempt": change.attempt} for change in changes
        ]
    if end:
        fields["end"] = _end(end)
    if duplicates:
        fields["duplicates"] = duplicates
    return _dumps(fields)


def parsed_run(held: bytes) -> RunState:
    """What ``stored_run`` wrote."""
    fields = orjson.loads(held)
    progress, end = fields.get("progress"), fields.get("end")
    return RunState(
        offset=fields["offset"],
        status=fields.get("status"),
        attempt=fields.get("attempt", 0),
        starts=tuple(_parsed_start(start) for start in fields.get("starts", ())),
        progress=None if progress is None else Progress(fraction=progress["fraction"], message=progress.get("message")),
        cancel_requested=fields.get("cancel_requested", False),
        changes=tuple(Change(**change) for change in fields.get("changes", ())),
        end=None if end is None else _parsed_end(end),
        duplicates=fields.get("duplicates", 0),
    )


def _dumps(fields: Mapping[str, Any]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_UTC_Z)


def _request(request: Request) -> dict[str, Any]:
    by = request.requested_by
    fields: dict[str, Any] = {
        "template_key": request.template_key,
        "template_version": request.template_version,
        "trace_id": request.trace_id,
        "requested_at": request.requested_at,
    }
    if request.project_id is not None:
        fields["project_id"] = request.project_id
    if request.dry_run:
        fields["dry_run"] = True
    if request.replay_of is not None:
        fields["replay_of"] = request.replay_of
    fields["max_attempts"] = request.max_attempts
    if request.start_by is not None:
        fields["start_by"] = request.start_by
    if request.body_digest is not None:
        fields["body_digest"] = request.body_digest
    if request.topic is not None:
        fields["topic"] = request.topic
    if request.offset is not None:
        fields["offset"] = request.offset
    if by.actor_id is not None or by.source_app is not None:
        fields["requested_by"] = _given(actor_id=by.actor_id, source_app=by.source_app)
    return fields


def _parsed_request(fields: dict[str, Any]) -> Request:
    by, replay_of = fields.get("requested_by"), fields.get("replay_of")
    known = {
        **fields,
        "requested_at": datetime.fromisoformat(fields["requested_at"]),
        "requested_by": NOBODY if by is None else RequestedBy(**by),
        "replay_of": None if replay_of is None else UUID(replay_of),
        "start_by": _parsed_instant(fields.get("start_by")),
    }
    return Request(**known)


def _start(start: Start) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "number": start.number,
        "claim": start.claim,
        "worker": start.worker,
        "started_at": start.started_at,
    }
    if start.deadline is not None:
        fields["deadline"] = start.deadline
    if start.finished_at is not None:
        fields["finished_at"] = start.finished_at
    if start.error is not None:
        fields["error"] = _error(start.error)
    return fields


def _parsed_start(fields: dict[str, Any]) -> Start:
    error = fields.get("error")
    return Start(
        number=fields["number"],
        claim=fields["claim"],
        worker=fields["worker"],
        started_at=datetime.fromisoformat(fields["started_at"]),
        deadline=_parsed_instant(fields.get("deadline")),
        finished_at=_parsed_instant(fields.get("finished_at")),
        error=None if error is None else JobError(**error),
    )


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _error(error: JobError) -> dict[str, Any]:
    return error.model_dump(exclude_defaults=True)


def _end(end: End) -> dict[str, Any]:
    fields: dict[str, Any] = {"offset": end.offset}
    if end.started_at is not None:
        fields["started_at"] = end.started_at
    if end.finished_at is not None:
        fields["finished_at"] = end.finished_at
    fields["digest"] = end.digest
    if end.request is not None:
        fields["request"] = _request(end.request)
    if end.error is not None:
        fields["error"] = _error(end.error)
    return fields


def _parsed_end(fields: dict[str, Any]) -> End:
    request, error = fields.get("request"), fields.get("error")
    return End(
        offset=fields["offset"],
        request=None if request is None else _parsed_request(request),
        started_at=_parsed_instant(fields.get("started_at")),
        finished_at=_parsed_instant(fields.get("finished_at")),
        error=None if error is None else JobError(**error),
        digest=fields["digest"],
    )


def _parsed_instant(text: Any) -> datetime | None:
    return None if text is None else datetime.fromisoformat(cast(str, text))
