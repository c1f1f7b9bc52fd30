"""A partition that this member folds, and how much of it is folded at a time."""

from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from jobforge.chassis.wire import Partition, Record
from jobforge.manifest.batches import State
from jobforge.manifest.families import JOBS, RUNS, Family

SLICE_RECORDS = 64
"""Records of a partition folded at a time: more would hold the event loop."""
SLICE_BYTES = 1024 * 1024
"""Bytes of records in one script, which holds Redis while it runs."""
REMEMBERED = 1024
"""Rows of each partition kept in memory."""


@dataclass(slots=True)
class Lane:
    """One partition that this member folds."""

    partition: Partition
    family: Family
    applied: int | None = None
    """The watermark, or None while it has to be asked for."""
    published: int | None = None
    """What the group had committed; None until asked for."""
    target: int = 0
    """The end of the log when the lane was last placed: caught up once applied."""
    states: OrderedDict[str, State] = field(default_factory=OrderedDict)
    requests: "list[Lane]" = field(default_factory=list)
    """For what happens to runs: the lanes of this member with the requests of the same runs."""

    def lost(self) -> None:
        """The view may not hold what this lane remembers."""
        self.applied = None
        self.states.clear()

    def trim(self) -> None:
        """Forget the rows that were touched first."""
        while len(self.states) > REMEMBERED:
            self.states.popitem(last=False)

    @property
    def behind(self) -> int:
        """Records to go until the end that the log had when the lane was placed."""
        return max(0, self.target - (self.applied or 0))


def introduce(lanes: Collection[Lane]) -> None:
    """Tell the lanes of a member of each other."""
    requests: dict[int, list[Lane]] = {}
    for lane in lanes:
        if lane.family is JOBS:
            requests.setdefault(lane.partition.number, []).append(lane)
    for lane in lanes:
        lane.requests = requests.get(lane.partition.number, []) if lane.family is RUNS else []


def slices(batches: Mapping[Partition, list[Record]]) -> Iterator[dict[Partition, list[Record]]]:
    """The same records in the same order, in pieces of a partition that hold up nobody."""
    rest = {partition: records for partition, records in batches.items() if records}
    while rest:
        now = {partition: _head(records) for partition, records in rest.items()}
        yield now
        rest = {at: more for at, records in rest.items() if (more := records[len(now[at]) :])}


def _head(records: list[Record]) -> list[Record]:
    size = 0
    for count, record in enumerate(records):
        size += len(record.value or b"")
        if count and (size > SLICE_BYTES or count >= SLICE_RECORDS):
            return records[:count]
    return records
