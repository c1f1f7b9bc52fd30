"""Records on their way into the view, and what their fold has to know: remembered, asked for, or taken for granted."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jobforge.manifest import keys
from jobforge.manifest.batches import REBUILT_KEPT, Batch, Read, Refusal, Snapshot
from jobforge.manifest.families import fresh_rows, rows_of
from jobforge.manifest.lanes import Lane
from jobforge.manifest.states import Request
from jobforge.manifest.store import Step, Store

Beside = Callable[[Lane], Lane | None]
"""The lane that has the other half of the same rows, if this member has it."""


@dataclass(slots=True)
class Work:
    """Some records of a lane."""

    lane: Lane
    reads: list[Read]
    absent: list[tuple[Lane, str]] = field(default_factory=list)
    """Rows of which that lane is taken to hold nothing; the view is asked when the work is applied."""

    @property
    def is_new(self) -> bool:
        """Whether none of these was applied before."""
        return self.lane.applied is not None and self.reads[0].record.offset >= self.lane.applied

    @property
    def after(self) -> int:
        """The offset after the last record."""
        return self.reads[-1].record.offset + 1

    def fold(self, reads: Sequence[Read], now: datetime) -> Step:
        """What these, told apart from late repeats, do to the view."""
        lane = self.lane
        assert lane.applied is not None
        nowhere = self._nowhere()
        batch = lane.family.fold(reads, lane.states, lane.applied, now, nowhere or self._requested(now))
        absent = [(row, beside.family.held or "") for beside, row in self.absent if row not in nowhere]
        return Step(lane.partition, lane.applied, max(lane.applied, self.after), batch, absent, nowhere)

    def _nowhere(self) -> set[str]:
        """The rows of which both halves are taken to be absent."""
        own = {row for lane, row in self.absent if lane is self.lane}
        return {row for lane, row in self.absent if lane is not self.lane and row in own}

    def _requested(self, now: datetime) -> set[str]:
        """The rows of runs whose requests this member has put into the view, so lately that none was let go since."""
        since = now - REBUILT_KEPT
        rows = rows_of(self.lane.family, self.reads) if self.lane.requests else ()
        return {
            row
            for requests in self.lane.requests
            for row in rows
            if isinstance(known := requests.states.get(row), Request) and known.requested_at > since
        }

    def confirm(self) -> None:
        """The view has taken these: what was taken to be absent was."""
        for lane, row in self.absent:
            if lane.applied is not None:
                lane.states.setdefault(row, lane.family.parse(None))

    def undo(self) -> None:
        """Forget what the fold made of these, which the view did not take."""
        for row in rows_of(self.lane.family, self.reads):
            self.lane.states.pop(row, None)
        self.absent.clear()


async def load(store: Store, work: Sequence[Work], beside: Beside, *, guess: bool) -> None:
    """Bring the rows that are not in memory there, in one round trip; with a request what its run needs next.

    With ``guess`` nothing is asked for rows that are hardly there yet: nearly always that spares the round trip.
    """
    missing: list[tuple[Lane, str]] = []
    for each in work:
        rows = rows_of(each.lane.family, each.reads)
        guessed = fresh_rows(each.reads) if rows and guess and each.is_new else frozenset()
        for lane in _both(each.lane, beside):
            for row in rows:
                if row not in lane.states:
                    (each.absent if row in guessed else missing).append((lane, row))
        for lane, row in each.absent:
            if lane is each.lane:
                lane.states[row] = lane.family.parse(None)
    values = await store.load((row, lane.family.held or "") for lane, row in missing)
    for (lane, row), value in zip(missing, values, strict=True):
        lane.states[row] = lane.family.parse(value)


async def unpublished(store: Store, batch: Batch, published: int) -> list[Snapshot | Refusal]:
    """What is to be published from this offset on; a snapshot that was applied earlier is taken from its row."""
    due = [item for item in batch.publish if item.record.offset >= published]
    rows = [item.row for item in due if isinstance(item, Snapshot) and item.value is None]
    held = dict(zip(rows, await store.load((row, keys.MANIFEST) for row in rows), strict=True))
    ready: list[Snapshot | Refusal] = []
    for item in due:
        if isinstance(item, Snapshot) and item.value is None:
            value = held[item.row]
            if value is None:
                continue  # the row was let go, which is long after its snapshot was archived
            item = item._replace(value=value)
        ready.append(item)
    return ready


def _both(lane: Lane, beside: Beside) -> Iterable[Lane]:
    other = beside(lane)
    return (lane,) if other is None else (lane, other)
