"""What the offset tracker promises."""

from hypothesis import given
from hypothesis import strategies as st

from jobforge.execution.offsets import OffsetTracker


@given(st.data())
def test_the_watermark_never_passes_an_unfinished_record(data: st.DataObject) -> None:
    """Whatever the order in which records finish, only a finished prefix may be committed."""
    offsets = sorted(data.draw(st.sets(st.integers(0, 1000), min_size=1, max_size=40)))
    order = data.draw(st.permutations(offsets))
    tracker = OffsetTracker()
    for offset in offsets:
        tracker.begin(offset)
    unfinished = set(offsets)
    for offset in order:
        tracker.finish(offset)
        unfinished.discard(offset)
        due = tracker.due
        assert due is None or all(due <= left for left in unfinished)
        assert due is not None or min(unfinished) == offsets[0]
    assert tracker.due == offsets[-1] + 1
    assert tracker.unfinished == 0


def test_what_was_committed_is_not_due_again() -> None:
    """A commit happens once for each move of the watermark."""
    tracker = OffsetTracker()
    tracker.begin(7)
    tracker.finish(7)
    tracker.committed(8)
    assert tracker.due is None


def test_a_held_window_counts_finished_records_behind_an_unfinished_one() -> None:
    """Back-pressure looks at what a restart would replay, not at what still runs."""
    tracker = OffsetTracker()
    for offset in range(5):
        tracker.begin(offset)
    for offset in range(1, 5):
        tracker.finish(offset)
    assert tracker.unfinished == 5
