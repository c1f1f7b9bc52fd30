"""What a batch of records of one partition does to the view, as data."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from jobforge.chassis.wire import Record
from jobforge.contracts import topics
from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.reading import Unreadable, read, read_any
from jobforge.contracts.runs import RUN_RECORDS
from jobforge.manifest import keys
from jobforge.manifest.projection import NOTHING, Request, RunState, fold, request_of

Command = Sequence[str | bytes | int]
State = RunState | Request | None
REBUILT_KEPT = timedelta(days=1)
"""A row stays at least this long after it is written, so that a rebuild from two topics never shows half of it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A terminal manifest to publish. ``value`` is None when the record was applied before: the row has it."""

    record: Record
    tenant_id: str
    run_id: UUID
    trace_id: str | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that the view cannot use; ``reason`` is a stable code."""

    record: Record
    reason: str
    detail: str


@dataclass(slots=True)
class Batch:
    """The effect of some records of one partition.

    ``commands`` are (mode, command): mode ``first`` remembers whether the command answered 1, ``if`` runs only when
    the last ``first`` did, empty always runs.
    """

    commands: list[tuple[str, Command]] = field(default_factory=list)
    changed: dict[str, None] = field(default_factory=dict)
    publish: list[Snapshot | Refusal] = field(default_factory=list)

    def add(self, *command: str | bytes | int, mode: str = "") -> None:
        """One more command."""
        self.commands.append((mode, command))


@dataclass(frozen=True, slots=True)
class Family:
    """How the records of one kind of topic are read and folded.

    ``held`` names the field of a row that the fold needs; ``row`` says which row a message is about.
    """

    held: str | None
    read: Callable[[bytes | None], Any]
    row: Callable[[Any], str]
    parse: Callable[[bytes | None], State]
    fold: "Fold"


Read = tuple[Record, Any]
"""A record and its message, or the ``Unreadable`` that says why it has none."""
Fold = Callable[[Sequence[Read], MutableMapping[str, State], int, datetime], Batch]
"""(records, states by row, watermark, now) to a batch; the states are updated in place."""


def decode(family: Family, records: Iterable[Record]) -> list[Read]:
    """Each record with its message or the reason it has none."""
    found: list[Read] = []
    for record in records:
        try:
            found.append((record, family.read(record.value)))
        except Unreadable as error:
            found.append((record, error))
    return found


def rows_of(family: Family, reads: Iterable[Read]) -> set[str]:
    """The rows that a fold of these needs to know."""
    if family.held is None:
        return set()
    return {family.row(message) for _, message in reads if not isinstance(message, Unreadable)}


def fold_runs(reads: Sequence[Read], states: MutableMapping[str, State], applied: int, now: datetime) -> Batch:
    """Lifecycle records: each touched run is written once, with its manifest if it ended here."""
    batch = Batch()
    sealed: dict[str, bytes] = {}
    touched: dict[str, Record] = {}
    for record, message in reads:
        if isinstance(message, Unreadable):
            batch.publish.append(_refused(record, message))
            continue
        row = _run_row(message)
        state = states.get(row)
        assert isinstance(state, RunState)
        if record.offset < applied:
            if state.end is not None and state.end.offset == record.offset:
                trace_id = state.end.request.trace_id if state.end.request else None
                batch.publish.append(Snapshot(record, message.tenant_id, message.run_id, trace_id, None))
            continue
        folded = fold(state, message, record.offset)
        if folded.manifest is not None:
            sealed[row] = folded.manifest.model_dump_json().encode()
            trace_id = folded.manifest.trace.trace_id
            batch.publish.append(Snapshot(record, message.tenant_id, message.run_id, trace_id, sealed[row]))
        if folded.state is not state:
            states[row] = folded.state
            touched[row] = record
    for row, record in touched.items():
        _write_run(batch, row, states[row], sealed.get(row), record, now)
    return batch


def fold_jobs(reads: Sequence[Read], states: MutableMapping[str, State], applied: int, now: datetime) -> Batch:
    """Accepted requests: the first one of a run makes its row; one with another body is refused."""
    batch = Batch()
    for record, message in reads:
        if isinstance(message, Unreadable):
            # The domain's worker reads the same bytes, sends them to its dead letters and ends the run.
            continue
        row = _run_row(message)
        known = states.get(row)
        if isinstance(known, Request) and known.body_digest != message.body_digest:
            detail = f"run {message.run_id} was requested before with another body"
            batch.publish.append(Refusal(record, "idempotency.conflict", detail))
        if isinstance(known, Request) or record.offset < applied:
            continue
        request = request_of(message)
        states[row] = request
        batch.add("HSETNX", row, "request", request.model_dump_json(exclude_defaults=True))
        _list_run(batch, row, message.tenant_id, message.run_id, request)
        batch.add("PEXPIREAT", row, _until(record, keys.UNFINISHED_KEPT, now), mode="if")
        batch.changed[row] = None
    return batch


def fold_events(reads: Sequence[Read], states: MutableMapping[str, State], applied: int, now: datetime) -> Batch:
    """Accepted events: each is kept once, under its id."""
    batch = Batch()
    for record, message in reads:
        if isinstance(message, Unreadable):
            batch.publish.append(_refused(record, message))
        elif record.offset >= applied:
            _write_event(batch, record, message, now)
    return batch


def _write_run(batch: Batch, row: str, state: State, manifest: bytes | None, record: Record, now: datetime) -> None:
    assert isinstance(state, RunState)
    fields: list[str | bytes] = ["run", state.model_dump_json(exclude_defaults=True)]
    if manifest is not None:
        fields += ["manifest", manifest]
    batch.add("HSET", row, *fields)
    batch.changed[row] = None
    if manifest is None or state.end is None:
        return
    if state.end.request is not None:
        tenant_id, run_id = row.split(":")[-2:]
        _list_run(batch, row, tenant_id, UUID(run_id), state.end.request)
    batch.add("PEXPIREAT", row, _until(record, keys.FINISHED_KEPT, now))


def _list_run(batch: Batch, row: str, tenant_id: str, run_id: UUID, request: Request) -> None:
    member = keys.moment(request.requested_at, run_id)
    batch.add("HSETNX", row, "listed", member, mode="first")
    kept = keys.UNFINISHED_KEPT
    _index(batch, keys.runs_of(tenant_id), member, kept)
    _index(batch, keys.runs_of_trace(tenant_id, request.trace_id), member, kept)


def _write_event(batch: Batch, record: Record, message: EventEnvelope, now: datetime) -> None:
    key = keys.event(message.tenant_id, message.event_id)
    member = keys.moment(message.received_at, message.event_id)
    facts = message.model_dump_json(include={"event_type", "source_app", "source_module", "project_id", "trace_id"})
    batch.add("HSETNX", key, "facts", facts, mode="first")
    batch.add("HSET", key, "body", record.value or b"", mode="if")
    _index(batch, keys.events_of(message.tenant_id), member, keys.EVENTS_KEPT)
    _index(batch, keys.events_of_trace(message.tenant_id, message.trace_id), member, keys.EVENTS_KEPT)
    batch.add("PEXPIREAT", key, _until(record, keys.EVENTS_KEPT, now), mode="if")


def _index(batch: Batch, index: str, member: str, kept: timedelta) -> None:
    batch.add("ZADD", index, 0, member, mode="if")
    batch.add("EXPIRE", index, int((kept + REBUILT_KEPT).total_seconds()), mode="if")


def _until(record: Record, kept: timedelta, now: datetime) -> int:
    """Milliseconds since the epoch."""
    written = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    return int(max(written + kept, now + REBUILT_KEPT).timestamp() * 1000)


def _refused(record: Record, error: Unreadable) -> Refusal:
    return Refusal(record, error.reason, error.detail)


def _run_row(message: Any) -> str:
    return keys.row(message.tenant_id, message.run_id)


def _no_row(message: Any) -> str:
    return ""


RUNS = Family(
    held="run",
    read=lambda value: read_any(RUN_RECORDS, value),
    row=_run_row,
    parse=lambda held: RunState.model_validate_json(held) if held else NOTHING,
    fold=fold_runs,
)
JOBS = Family(
    held="request",
    read=lambda value: read(JobRequested, value),
    row=_run_row,
    parse=lambda held: Request.model_validate_json(held) if held else None,
    fold=fold_jobs,
)
EVENTS = Family(
    held=None, read=lambda value: read(EventEnvelope, value), row=_no_row, parse=lambda held: None, fold=fold_events
)
_PREFIXES: Mapping[str, Family] = {topics.JOBS.named(): JOBS, topics.EVENTS.named(): EVENTS}


def family_of(topic: str) -> Family:
    """How this topic is folded; raises ``KeyError`` for one that the view does not read."""
    if topic == topics.RUNS.name:
        return RUNS
    return next(family for prefix, family in _PREFIXES.items() if topic.startswith(prefix))
