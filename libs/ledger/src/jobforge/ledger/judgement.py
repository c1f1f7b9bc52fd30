"""Holds what the log says about one run against the promises: a pure function of the run's state and the bounds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jobforge.contracts import topics
from jobforge.ledger.dead_letters import DeadLetter
from jobforge.ledger.findings import Finding
from jobforge.ledger.records import Bounds, Position, kind_of
from jobforge.ledger.run_state import RunState, Snapshot

RETRY_GROUP = "scheduler"
MANIFEST_GROUP = "manifest"
NEEDS_A_START = frozenset({"job.timeout", "job.worker_lost"})
"""Ends that only a run which began can have."""
UNREADABLE = "job.unreadable"
INVALID_OUTPUTS = "job.invalid_outputs"
"""What a manifest says instead of an outcome that JSON cannot carry."""


def group_of(topic: str) -> str:
    """The group whose commit says what of a topic is done with."""
    return RETRY_GROUP if kind_of(topic) == "retry" else "jobs-" + topic.split(".")[2]


class Standing(NamedTuple):
    """Where a run stands. ``owed``: it is accepted, has not ended, and nothing on the way will end it."""

    accepted: bool
    ended: bool
    owed: bool
    too_old: bool


@dataclass(frozen=True, slots=True)
class Place:
    """The partition that is judged, and from where the log still tells everything."""

    bounds: Bounds
    partition: int
    horizon: int
    """Timestamp of the first record of ``jobforge.runs`` where older ones were deleted, else 0."""

    def whole(self, *kinds: str) -> bool:
        """Whether nothing was deleted from the topics of these kinds."""
        return all(
            first == 0
            for (topic, partition), (first, _) in self.bounds.spans.items()
            if partition == self.partition and kind_of(topic) in kinds
        )

    def committed(self, topic: str) -> int:
        """What the topic's readers are done with: everything before this offset."""
        return self.bounds.commits.get((group_of(topic), topic, self.partition), 0)

    def shown(self, positions: Sequence[tuple[str, int]]) -> tuple[str, ...]:
        """Positions as people read them."""
        return tuple(str(Position(topic, self.partition, offset)) for topic, offset in positions)

    def manifests(self, snapshots: Sequence[Snapshot]) -> tuple[str, ...]:
        """Positions on ``jobforge.manifests``."""
        return self.shown([(topics.MANIFESTS.name, snapshot.offset) for snapshot in snapshots])

    def run(self, offset: int) -> tuple[str, ...]:
        """One position on ``jobforge.runs``."""
        return self.shown([(topics.RUNS.name, offset)])


Found = Iterator[tuple[str, str, tuple[str, ...]]]
"""Invariant, what is wrong, and where."""
DeadAt = Callable[[Position], DeadLetter | None]
"""The dead letter at a position."""
SetAside = Callable[[str, int], bool]
"""Whether the record at (topic, offset) of this partition was set aside."""


def standing(run: RunState, place: Place) -> Standing:
    """Whether the run is accepted, ended, on its way or lost."""
    if not run.asked:
        return Standing(False, run.end is not None, False, False)
    if run.end is not None:
        return Standing(True, True, False, False)
    if run.at is not None and run.at < place.horizon:
        return Standing(True, False, False, True)
    carried = any(offset >= place.committed(topic) for topic, offset in (*run.asked, *run.waits))
    return Standing(True, False, not carried, False)


def judge(
    run: RunState, stands: Standing, place: Place, *, settled: bool, key: bytes, dead_at: DeadAt, set_aside: SetAside
) -> Iterator[Finding]:
    """Everything that the log alone shows to be wrong with a run."""
    tenant, _, name = key.decode(errors="replace").rpartition(":")
    for check in (
        _conserved(run, stands, place),
        _one_manifest(run, stands, place, settled),
        _told(run, place),
        _attempts(run, place),
        _ended_rightly(run, place),
        _dead_letter(run, place, key, dead_at),
        _other_bodies(run, place, set_aside),
    ):
        for invariant, what, at in check:
            yield Finding(invariant, what, tenant, name, at)
    if run.misplaced:
        at = tuple(str(position) for position in run.misplaced)
        yield Finding("I5", "a record's value names another tenant or run than its key", tenant, name, at)


def _conserved(run: RunState, stands: Standing, place: Place) -> Found:
    if stands.owed:
        groups = sorted({group_of(topic) for topic, _ in (*run.asked, *run.waits)})
        what = f"no end, and nothing on the way: {' and '.join(groups)} committed past it"
        yield "I11", what, place.shown((*run.asked, *run.waits))
    refused = run.end is not None and run.end.code == UNREADABLE and run.waits  # put on a retry topic by a stranger
    if run.end is not None and not run.asked and not refused and place.whole("jobs"):
        yield "I11", f"ended ({run.end.state}) though nobody asked for it", place.run(run.end.offset)


def _one_manifest(run: RunState, stands: Standing, place: Place, settled: bool) -> Found:
    digests = {snapshot.digest for snapshot in run.snapshots}
    if len(digests) > 1:
        yield "I1", f"{len(digests)} different terminal manifests", place.manifests(run.snapshots)
    if run.snapshots and run.end is None and place.whole("runs"):
        yield "I1", "a terminal manifest, but no terminal record", place.manifests(run.snapshots)
    if run.end is not None and not run.snapshots:
        done = place.bounds.commits.get((MANIFEST_GROUP, topics.RUNS.name, place.partition), 0)
        if settled or run.end.offset < done:
            yield "I1", "it ended, but its manifest was never published", place.run(run.end.offset)
    if settled and stands.accepted and not stands.ended and not stands.too_old:
        yield "I1", "accepted, and it has not ended", place.shown(run.asked)


def _told(run: RunState, place: Place) -> Found:
    for snapshot in run.snapshots:
        if not snapshot.sound:
            yield "I7", "the manifest's digest is not that of its content", place.manifests([snapshot])
        if run.end is None or snapshot.code == INVALID_OUTPUTS:
            continue
        if snapshot.told != run.end.told:
            at = (*place.manifests([snapshot]), *place.run(run.end.offset))
            yield "I7", "the manifest does not tell of the run's first terminal record", at
        elif run.end.digest not in (None, snapshot.digest):
            at = (*place.manifests([snapshot]), *place.run(run.end.offset))
            yield "I7", "the restored manifest has another digest than before", at


def _attempts(run: RunState, place: Place) -> Found:
    if run.last_start is None:
        return
    attempt, offset = run.last_start
    if run.granted is not None and attempt > run.granted:
        yield "I4", f"attempt {attempt} began, {run.granted} are granted", place.run(offset)
    elif attempt > run.waited_for and place.whole("retry"):
        yield "I4", f"attempt {attempt} began, and no retry asked for it", place.run(offset)


def _ended_rightly(run: RunState, place: Place) -> Found:
    end = run.end
    if end is None:
        return
    if end.strays:
        shown = ", ".join(end.strays[:3])
        yield "I6", f"artifacts that do not belong to the winning attempt: {shown}", place.run(end.offset)
    if end.code == "job.lost":
        yield "I9", "given up with job.lost: it never started", place.run(end.offset)
    elif end.code in NEEDS_A_START and not run.starts and place.whole("runs"):
        yield "I9", f"ended with {end.code}, but it never started", place.run(end.offset)


def _dead_letter(run: RunState, place: Place, key: bytes, dead_at: DeadAt) -> Found:
    end = run.end
    if end is None or end.code != "job.attempts_exhausted":
        return
    at = place.run(end.offset)
    if not end.dead_letter:
        yield "I10", "its attempts are spent, but it names no dead letter", at
        return
    try:
        position = Position.parse(end.dead_letter)
    except ValueError:
        yield "I10", f"it names no dead letter but {end.dead_letter!r:.80}", at
        return
    if position.offset < place.bounds.spans.get((position.topic, position.partition), (0, 0))[0]:
        return
    letter = dead_at(position)
    if letter is None or letter.record.key != key:
        yield "I10", f"the dead letter it names is not at {position}", at


def _other_bodies(run: RunState, place: Place, refused: SetAside) -> Found:
    """A second body under one id must have been refused by now."""
    if len(run.bodies) < 2:
        return
    passed = all(offset < place.committed(topic) for topic, offset in run.asked)
    if passed and not any(refused(topic, offset) for topic, offset in run.asked):
        at = place.shown([(topic, offset) for _, topic, offset in run.bodies])
        yield "I8", f"{len(run.bodies)} different bodies under one id, and none was refused", at
