"""What a batch of records of one partition does to the view, as data."""

from collections.abc import Collection, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from jobforge.chassis.wire import Record
from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.identity import id_text
from jobforge.contracts.reading import Unreadable
from jobforge.manifest import keys
from jobforge.manifest.projection import SLOW, begun_again, fold, moved, request_of
from jobforge.manifest.states import Request, RunState, stored_request, stored_run

Command = tuple[str | bytes, ...]
ALWAYS, FIRST, IF = "", "first", "if"
State = RunState | Request | None
REBUILT_KEPT = timedelta(days=1)
"""A row stays at least this long after it is written, so that a rebuild from two topics never shows half of it."""
UNSEEN = timedelta(seconds=60)
"""How long after its request a run may show no sign of life before somebody looks after it."""
_MILLISECOND = timedelta(milliseconds=1)
_FINISHED_KEPT = keys.FINISHED_KEPT // _MILLISECOND
_UNFINISHED_KEPT = keys.UNFINISHED_KEPT // _MILLISECOND
_EVENTS_KEPT = keys.EVENTS_KEPT // _MILLISECOND
_RUNS_LISTED = str((keys.UNFINISHED_KEPT + REBUILT_KEPT) // timedelta(seconds=1))
_EVENTS_LISTED = str((keys.EVENTS_KEPT + REBUILT_KEPT) // timedelta(seconds=1))


class Read(NamedTuple):
    """A record, its message or the ``Unreadable`` that says why it has none, and the row it is about ("" for none)."""

    record: Record
    message: Any
    row: str


class Snapshot(NamedTuple):
    """A terminal manifest to publish. ``value`` is None when the record was applied before: the row has it."""

    record: Record
    row: str
    trace_id: str | None
    value: bytes | None


class Refusal(NamedTuple):
    """A record that the view cannot use; ``reason`` is a stable code."""

    record: Record
    reason: str
    detail: str


@dataclass(slots=True)
class Batch:
    """The effect of some records of one partition.

    ``commands`` are a mode and words: ``FIRST`` remembers whether the command answered 1, ``IF`` runs only when the
    last ``FIRST`` did. A word is never a number: Lua would write a large one as a float.
    """

    commands: list[Command] = field(default_factory=list)
    changed: dict[str, None] = field(default_factory=dict)
    publish: list[Snapshot | Refusal] = field(default_factory=list)
    sealed: dict[str, bytes] = field(default_factory=dict)
    """The manifests of the runs that ended here, by row."""

    def add(self, *command: str | bytes) -> None:
        """One more command, after its mode."""
        self.commands.append(command)


def fold_runs(
    reads: Sequence[Read],
    states: MutableMapping[str, State],
    applied: int,
    now: datetime,
    requested: Collection[str] = (),
) -> Batch:
    """Lifecycle records: each touched run is written once, with its manifest if it ended here.

    ``requested`` are rows whose requests the view holds, which are listed therefore and have an expiry.
    """
    batch = Batch()
    touched: dict[str, tuple[Record, State]] = {}
    soonest = _soonest(now)
    for record, message, row in reads:
        if isinstance(message, Unreadable):
            batch.publish.append(_refused(record, message))
            continue
        state = states.get(row)
        assert isinstance(state, RunState)
        if record.offset < applied:
            if state.end is not None and state.end.offset == record.offset:
                batch.publish.append(_snapshot(record, row, state, None))
            continue
        folded = fold(state, message, record.offset)
        if folded.manifest is not None:
            batch.sealed[row] = folded.manifest
            batch.publish.append(_snapshot(record, row, folded.state, folded.manifest))
        if folded.state is not state:
            states[row] = folded.state
            touched[row] = (record, touched[row][1] if row in touched else state)
    for row, (record, before) in touched.items():
        after = states[row]
        assert isinstance(after, RunState)
        assert isinstance(before, RunState)
        _write_run(batch, row, before, after, batch.sealed.get(row), record, soonest, is_listed=row in requested)
    if batch.sealed:
        batch.add(ALWAYS, "ZREM", keys.open_runs(reads[0].record.partition), *map(keys.member, batch.sealed))
    return batch


def fold_jobs(
    reads: Sequence[Read],
    states: MutableMapping[str, State],
    applied: int,
    now: datetime,
    nowhere: Collection[str] = (),
) -> Batch:
    """Accepted requests: the first one of a run makes its row; one with another body is refused.

    The same one again (a retry, a repeat of the client) changes nothing, but for one that was moved to a slow lane.
    ``nowhere`` are rows that are not there: whoever applies the batch makes sure of it.
    """
    batch = Batch()
    soonest = _soonest(now)
    new: list[tuple[Record, str, Request]] = []
    for record, message, row in reads:
        if isinstance(message, Unreadable):
            # The domain's worker reads the same bytes, sends them to its dead letters and ends the run.
            continue
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
                batch.add(ALWAYS, "HSET", row, "request", stored_request(later))
            continue
        request = request_of(message, record.topic, record.offset)
        states[row] = request
        batch.changed[row] = None
        if row in nowhere:
            new.append((record, row, request))
            continue
        stored = stored_request(request)
        batch.add(FIRST, "HSETNX", row, "request", stored)
        batch.add(IF, "ZADD", keys.open_runs(record.partition), _look_at(request), keys.member(row))
        if record.topic.endswith(SLOW):
            # The lane that it was moved from may have been written since this one looked.
            batch.add(ALWAYS, "HSET", row, "request", stored)
        _list_run(batch, row, request)
        batch.add(IF, "PEXPIREAT", row, _until(record, _UNFINISHED_KEPT, soonest))
    if new:
        _write_requests(batch, new, soonest)
    return batch


def fold_events(reads: Sequence[Read], states: MutableMapping[str, State], applied: int, now: datetime) -> Batch:
    """Accepted events: each is kept once, under its id."""
    batch = Batch()
    soonest = _soonest(now)
    for record, message, _ in reads:
        if isinstance(message, Unreadable):
            batch.publish.append(_refused(record, message))
        elif record.offset >= applied:
            _write_event(batch, record, message, soonest)
    return batch


def run_row(message: Any) -> str:
    """The row that a message about a run belongs to."""
    return keys.row(message.tenant_id, id_text(message.run_id))


def _snapshot(record: Record, row: str, state: RunState, value: bytes | None) -> Snapshot:
    request = state.end.request if state.end else None
    return Snapshot(record, row, request.trace_id if request else None, value)


def _write_requests(batch: Batch, new: Sequence[tuple[Record, str, Request]], soonest: int) -> None:
    """Rows that are not there yet: what an index takes of them, it takes at once."""
    open_runs: list[str] = []
    indexes: dict[str, list[str]] = {}
    for record, row, request in new:
        tenant_id, run_id = keys.run_of(row)
        member = keys.moment(request.requested_at, run_id)
        batch.add(ALWAYS, "HSET", row, "request", stored_request(request), "listed", member)
        batch.add(ALWAYS, "PEXPIREAT", row, _until(record, _UNFINISHED_KEPT, soonest))
        open_runs += (_look_at(request), keys.member(row))
        for index in (keys.runs_of(tenant_id), keys.runs_of_trace(tenant_id, request.trace_id)):
            indexes.setdefault(index, []).extend(("0", member))
    batch.add(ALWAYS, "ZADD", keys.open_runs(new[0][0].partition), *open_runs)
    for index, members in indexes.items():
        batch.add(ALWAYS, "ZADD", index, *members)
        batch.add(ALWAYS, "EXPIRE", index, _RUNS_LISTED)


def _write_run(
    batch: Batch,
    row: str,
    before: RunState,
    after: RunState,
    manifest: bytes | None,
    record: Record,
    soonest: int,
    *,
    is_listed: bool,
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
        batch.add(FIRST, "EXISTS", row)
        batch.add(IF, "HSET", row, *fields)
        return
    batch.add(ALWAYS, "HSET", row, *fields)
    if manifest is not None and after.end is not None:
        if after.end.request is not None and not is_listed:
            _list_run(batch, row, after.end.request)
        batch.add(ALWAYS, "PEXPIREAT", row, _until(record, _FINISHED_KEPT, soonest))
    elif after.cancel_requested and not before.cancel_requested:
        batch.add(ALWAYS, "ZADD", keys.open_runs(record.partition), "XX", "0", keys.member(row))
    if before.status is None and manifest is None and not is_listed:
        # Its request, which brings an expiry, may never be read.
        batch.add(ALWAYS, "PEXPIREAT", row, _until(record, _UNFINISHED_KEPT, soonest), "NX")


def _look_at(request: Request) -> str:
    """When somebody should look after the run (ms since the epoch)."""
    latest = request.requested_at + UNSEEN
    if request.start_by is not None:
        latest = min(latest, request.start_by)
    return str(keys.microseconds(latest) // 1000)


def _list_run(batch: Batch, row: str, request: Request) -> None:
    tenant_id, run_id = keys.run_of(row)
    member = keys.moment(request.requested_at, run_id)
    batch.add(FIRST, "HSETNX", row, "listed", member)
    _index(batch, keys.runs_of(tenant_id), member, _RUNS_LISTED)
    _index(batch, keys.runs_of_trace(tenant_id, request.trace_id), member, _RUNS_LISTED)


def _write_event(batch: Batch, record: Record, message: EventEnvelope, soonest: int) -> None:
    key = keys.event(message.tenant_id, message.event_id)
    member = keys.moment(message.received_at, message.event_id)
    facts = message.model_dump_json(include={"event_type", "source_app", "source_module", "project_id", "trace_id"})
    batch.add(FIRST, "HSETNX", key, "facts", facts)
    batch.add(IF, "HSET", key, "body", record.value or b"")
    _index(batch, keys.events_of(message.tenant_id), member, _EVENTS_LISTED)
    _index(batch, keys.events_of_trace(message.tenant_id, message.trace_id), member, _EVENTS_LISTED)
    batch.add(IF, "PEXPIREAT", key, _until(record, _EVENTS_KEPT, soonest))


def _index(batch: Batch, index: str, member: str, listed: str) -> None:
    batch.add(IF, "ZADD", index, "0", member)
    batch.add(IF, "EXPIRE", index, listed)


def _until(record: Record, kept: int, soonest: int) -> str:
    """Milliseconds since the epoch."""
    return str(max(record.timestamp + kept, soonest))


def _soonest(now: datetime) -> int:
    """The earliest moment at which what is written now may be let go (ms since the epoch)."""
    return keys.microseconds(now + REBUILT_KEPT) // 1000


def _refused(record: Record, error: Unreadable) -> Refusal:
    return Refusal(record, error.reason, error.detail)
