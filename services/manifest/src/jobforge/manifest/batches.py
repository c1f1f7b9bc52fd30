"""What a batch of records of one partition does to the view, as data."""

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from jobforge.chassis.wire import Record
from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.reading import Unreadable
from jobforge.manifest import keys
from jobforge.manifest.projection import SLOW, begun_again, fold, moved, request_of
from jobforge.manifest.states import Request, RunState, stored_request, stored_run

Command = Sequence[str | bytes | int]
State = RunState | Request | None
Read = tuple[Record, Any]
"""A record and its message, or the ``Unreadable`` that says why it has none."""
REBUILT_KEPT = timedelta(days=1)
"""A row stays at least this long after it is written, so that a rebuild from two topics never shows half of it."""
UNSEEN = timedelta(seconds=60)
"""How long after its request a run may show no sign of life before somebody looks after it."""


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


def fold_runs(reads: Sequence[Read], states: MutableMapping[str, State], applied: int, now: datetime) -> Batch:
    """Lifecycle records: each touched run is written once, with its manifest if it ended here."""
    batch = Batch()
    sealed: dict[str, bytes] = {}
    touched: dict[str, tuple[Record, State]] = {}
    for record, message in reads:
        if isinstance(message, Unreadable):
            batch.publish.append(_refused(record, message))
            continue
        row = run_row(message)
        state = states.get(row)
        assert isinstance(state, RunState)
        if record.offset < applied:
            if state.end is not None and state.end.offset == record.offset:
                batch.publish.append(_snapshot(record, message, state, None))
            continue
        folded = fold(state, message, record.offset)
        if folded.manifest is not None:
            sealed[row] = folded.manifest
            batch.publish.append(_snapshot(record, message, folded.state, folded.manifest))
        if folded.state is not state:
            states[row] = folded.state
            touched[row] = (record, touched[row][1] if row in touched else state)
    for row, (record, before) in touched.items():
        after = states[row]
        assert isinstance(after, RunState)
        assert isinstance(before, RunState)
        _write_run(batch, row, before, after, sealed.get(row), record, now)
    return batch


def fold_jobs(reads: Sequence[Read], states: MutableMapping[str, State], applied: int, now: datetime) -> Batch:
    """Accepted requests: the first one of a run makes its row; one with another body is refused.

    The same one again (a retry, a repeat of the client) changes nothing, but for one that was moved to a slow lane.
    """
    batch = Batch()
    for record, message in reads:
        if isinstance(message, Unreadable):
            # The domain's worker reads the same bytes, sends them to its dead letters and ends the run.
            continue
        row = run_row(message)
        known = states.get(row)
        if isinstance(known, Request) and known.body_digest != message.body_digest:
            detail = f"run {message.run_id} was requested before with another body"
            batch.publish.append(Refusal(record, "idempotency.conflict", detail))
            continue
        if record.offset < applied:
            continue
        if isinstance(known, Request):
            later = moved(known, record.topic, record.offset)
            if later is not None:
                states[row] = later
                batch.add("HSET", row, "request", stored_request(later))
            continue
        request = request_of(message, record.topic, record.offset)
        states[row] = request
        batch.add("HSETNX", row, "request", stored_request(request), mode="first")
        batch.add("ZADD", keys.open_runs(record.partition), _look_at(request), _member(row), mode="if")
        if record.topic.endswith(SLOW):
            # The lane that it was moved from may have been written since this one looked.
            batch.add("HSET", row, "request", stored_request(request))
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


def run_row(message: Any) -> str:
    """The row that a message about a run belongs to."""
    return keys.row(message.tenant_id, message.run_id)


def _snapshot(record: Record, message: Any, state: RunState, value: bytes | None) -> Snapshot:
    request = state.end.request if state.end else None
    return Snapshot(record, message.tenant_id, message.run_id, request.trace_id if request else None, value)


def _write_run(
    batch: Batch, row: str, before: RunState, after: RunState, manifest: bytes | None, record: Record, now: datetime
) -> None:
    fields: list[str | bytes] = [keys.RUN, stored_run(after)]
    if manifest is not None:
        fields += [keys.MANIFEST, manifest]
    if after.cancel_requested and not before.cancel_requested:
        fields += [keys.CANCEL, "1"]
    begun = begun_again(after)
    if begun > 1:
        fields += [keys.STARTS, f"{after.attempt} {begun}"]
    batch.changed[row] = None
    if before.end is not None:
        # Only counted, in a row that may have been let go: it is not made anew without its manifest.
        batch.add("EXISTS", row, mode="first")
        batch.add("HSET", row, *fields, mode="if")
        return
    batch.add("HSET", row, *fields)
    if manifest is not None and after.end is not None:
        if after.end.request is not None:
            tenant_id, run_id = row.split(":")[-2:]
            _list_run(batch, row, tenant_id, UUID(run_id), after.end.request)
        batch.add("PEXPIREAT", row, _until(record, keys.FINISHED_KEPT, now))
        batch.add("ZREM", keys.open_runs(record.partition), _member(row))
    elif after.cancel_requested and not before.cancel_requested:
        batch.add("ZADD", keys.open_runs(record.partition), "XX", 0, _member(row))
    if before.status is None and manifest is None:
        # Its request, which brings an expiry, may never be read.
        batch.add("PEXPIREAT", row, _until(record, keys.UNFINISHED_KEPT, now), "NX")


def _look_at(request: Request) -> int:
    """When somebody should look after the run (ms since the epoch)."""
    latest = request.requested_at + UNSEEN
    return int(min(latest, request.start_by or latest).timestamp() * 1000)


def _member(row: str) -> str:
    """A row's run key."""
    return row.removeprefix(keys.row("", "")[:-1])


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
