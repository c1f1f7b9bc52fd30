"""Offsets in any order of reading, finishing, committing and losing the partition: nothing unfinished is passed."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jobforge.execution.offsets import OffsetTracker


class Offsets(RuleBasedStateMachine):
    """One partition whose offsets have gaps, the group's commit, and the tracker of the assignment that reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[int] = []
        self.finished: set[int] = set()
        """In any assignment."""
        self.stored = 0
        """The group's commit, which outlives the assignment."""
        self.take_over()

    @rule(gap=st.sampled_from([1, 1, 1, 2, 50]))
    def write(self, gap: int) -> None:
        """A record joins the log; compaction and transactions leave gaps before it."""
        self.log.append(self.log[-1] + gap if self.log else gap - 1)

    @rule()
    def take_over(self) -> None:
        """A rebalance or a crash: a new tracker reads on from the commit, what was finished behind it too."""
        self.tracker = OffsetTracker()
        self.begun: list[int] = []
        self.done: set[int] = set()
        self.sent: int | None = None
        self.answered: int | None = None
        self.highest = 0

    @precondition(lambda self: self.unread())
    @rule(count=st.integers(1, 10))
    def read(self, count: int) -> None:
        """The next records, in their order."""
        for offset in self.unread()[:count]:
            self.tracker.begin(offset)
            self.begun.append(offset)

    @precondition(lambda self: len(self.done) < len(self.begun))
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """Any record that runs."""
        offset = data.draw(st.sampled_from([offset for offset in self.begun if offset not in self.done]))
        self.tracker.finish(offset)
        self.done.add(offset)
        self.finished.add(offset)

    @precondition(lambda self: self.sent is None)
    @rule()
    def commit(self) -> None:
        """Ask the broker; its answer comes later, or never."""
        self.sent = self.tracker.due

    @precondition(lambda self: self.sent is not None)
    @rule(fate=st.sampled_from(["answered", "answered", "stored but not answered", "lost"]))
    def answer(self, fate: str) -> None:
        """What becomes of a commit; records may have been read and finished since it was sent."""
        assert self.sent is not None
        if fate != "lost":
            self.stored = self.sent
        if fate == "answered":
            self.tracker.committed(self.sent)
            self.answered = self.sent
        self.sent = None

    @invariant()
    def due_is_the_end_of_the_finished_prefix(self) -> None:
        """Not before it, not behind it; and nothing once that is committed."""
        prefix = self.prefix()
        expected = self.begun[prefix - 1] + 1 if prefix else None
        assert self.tracker.due == (None if expected == self.answered else expected)

    @invariant()
    def nothing_unfinished_is_passed_and_nothing_goes_back(self) -> None:
        """What the group would skip is finished, and a commit that is due is never behind one that was."""
        assert all(offset in self.finished for offset in self.log if offset < max(self.stored, self.tracker.due or 0))
        if self.tracker.due is not None:
            assert self.tracker.due >= max(self.highest, self.stored)
            self.highest = self.tracker.due

    @invariant()
    def only_the_window_is_held(self) -> None:
        """From the lowest unfinished record on; what is behind it leaves nothing in memory."""
        window = len(self.begun) - self.prefix()
        assert self.tracker.unfinished == window
        held = [value for value in vars(self.tracker).values() if hasattr(value, "__len__")]
        assert all(len(value) <= window for value in held)

    def unread(self) -> list[int]:
        """What this assignment has still to read."""
        after = self.begun[-1] if self.begun else self.stored - 1
        return [offset for offset in self.log if offset > after]

    def prefix(self) -> int:
        """How many records from the first on are finished."""
        return next((place for place, offset in enumerate(self.begun) if offset not in self.done), len(self.begun))


TestOffsets = Offsets.TestCase
TestOffsets.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
