"""The kinds of topics the view is made of: how the records of each are read and folded."""

from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobforge.chassis.wire import Record
from jobforge.contracts import topics
from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.reading import Unreadable, read, read_any
from jobforge.contracts.restoring import NotRestorable, restored, unseal
from jobforge.contracts.runs import RUN_RECORDS, Outcome, RunRestored, RunStarted
from jobforge.manifest import keys
from jobforge.manifest.batches import Batch, Read, State, fold_events, fold_jobs, fold_runs, run_row
from jobforge.manifest.states import NOTHING, Request, RunState, parsed_request, parsed_run

PATTERN = r"^jobforge\.(runs|jobs\.[a-z][a-z0-9-]*(\.slow)?|events\.[a-z][a-z0-9-]*)$"
"""Everything the view is made of."""

Fold = Callable[[Sequence[Read], MutableMapping[str, State], int, datetime, Collection[str]], Batch]
"""(records, states by row, watermark, now, settled rows) to a batch; the states are updated in place.

Settled is for a request that there is no row yet, and for what happens to a run that its request is in the row.
"""


@dataclass(frozen=True, slots=True)
class Family:
    """How the records of one kind of topic are read and folded.

    ``held`` names the field of a row that the fold needs; ``row`` says which row a message is about.
    """

    held: str | None
    read: Callable[[bytes | None], Any]
    row: Callable[[Any], str]
    parse: Callable[[bytes | None], State]
    fold: Fold


def decode(family: Family, records: Iterable[Record]) -> list[Read]:
    """Each record with its message or the reason it has none."""
    found: list[Read] = []
    for record in records:
        try:
            message = family.read(record.value)
        except Unreadable as error:
            found.append(Read(record, error, ""))
        else:
            found.append(Read(record, message, family.row(message)))
    return found


def rows_of(family: Family, reads: Iterable[Read]) -> set[str]:
    """The rows that a fold of these needs to know."""
    if family.held is None:
        return set()
    return {one.row for one in reads if one.row}


def fresh_rows(reads: Iterable[Read]) -> set[str]:
    """The rows that the view hardly holds yet: of requests, and of runs whose first attempt begins here."""
    first: dict[str, Any] = {}
    for _, message, row in reads:
        if row:
            first.setdefault(row, message)
    return {
        row
        for row, message in first.items()
        if isinstance(message, JobRequested) or (isinstance(message, RunStarted) and message.attempt == 1)
    }


def outlived(reads: Iterable[Read], states: Mapping[str, State]) -> dict[str, Any]:
    """The first message of each run that may have ended so long ago that the view let it go.

    A record that came longer after its request than the view keeps a finished run is in doubt, though the view may
    hold a late start of it: the archive knows.
    """
    found: dict[str, Any] = {}
    for record, message, row in reads:
        if isinstance(message, JobRequested):
            request: Any = message
        elif isinstance(message, Outcome):
            request = message.request
        else:
            continue
        held = states.get(row)
        if isinstance(held, Request) or (isinstance(held, RunState) and held.end is not None):
            continue
        if request is None or record.timestamp / 1000 - request.requested_at.timestamp() > _KEPT:
            found.setdefault(row, message)
    return found


def remembered(reads: Iterable[Read], archived: Mapping[str, bytes]) -> list[Read]:
    """The records as they are to be folded, knowing the archived manifests of runs in doubt, by row.

    The end of such a run restores the manifest it had, whatever the late record says; its late request is left out.
    """
    found: list[Read] = []
    restored: set[str] = set()
    for one in reads:
        record, message, row = one
        if not isinstance(message, JobRequested | Outcome) or row not in archived or row in restored:
            found.append(one)
        elif isinstance(message, Outcome):
            restored.add(row)
            found.append(Read(record, _restored(message, archived[row]) or message, row))
    return found


def _restored(outcome: Outcome, archived: bytes) -> RunRestored | None:
    """None for what is no manifest of this run: a damaged archive is written anew."""
    try:
        return restored(outcome.tenant_id, outcome.run_id, archived)
    except ValueError:
        return None


_KEPT = keys.FINISHED_KEPT.total_seconds()


def _run_record(value: bytes | None) -> Any:
    message = read_any(RUN_RECORDS, value)
    if isinstance(message, RunRestored):
        try:
            unseal(message)
        except NotRestorable as error:
            raise Unreadable("record.invalid", f"/manifest: {error}") from error
    return message


def _no_row(message: Any) -> str:
    return ""


RUNS = Family(
    held=keys.RUN,
    read=_run_record,
    row=run_row,
    parse=lambda held: parsed_run(held) if held else NOTHING,
    fold=fold_runs,
)
JOBS = Family(
    held=keys.REQUEST,
    read=lambda value: read(JobRequested, value),
    row=run_row,
    parse=lambda held: parsed_request(held) if held else None,
    fold=fold_jobs,
)
EVENTS = Family(
    held=None,
    read=lambda value: read(EventEnvelope, value),
    row=_no_row,
    parse=lambda held: None,
    fold=lambda reads, states, applied, now, _: fold_events(reads, states, applied, now),
)
_PREFIXES: Mapping[str, Family] = {topics.JOBS.named(): JOBS, topics.EVENTS.named(): EVENTS}


def family_of(topic: str) -> Family:
    """How this topic is folded; raises ``KeyError`` for one that the view does not read."""
    if topic == topics.RUNS.name:
        return RUNS
    for prefix, family in _PREFIXES.items():
        if topic.startswith(prefix):
            return family
    raise KeyError(topic)
