"""An answer is judged by what was known when it was asked for, never by what came while it was on its way."""

from collections.abc import Iterable, Mapping

import pytest

from jobforge.chassis.wire import Partition
from jobforge.manifest.freshness import Freshness, Rebuilding

FIELD = "jobforge.runs/0"


class EmptyLog:
    """A log with one topic and no records."""

    async def topics(self) -> Iterable[str]:
        """The names of all topics."""
        return ["jobforge.runs"]

    async def ends(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """Nothing was written."""
        return dict.fromkeys(partitions, 0)


@pytest.fixture
def freshness() -> Freshness:
    """One partition, seen up to offset 5."""
    made = Freshness(EmptyLog(), partitions=1)
    made.seen({FIELD: 5})
    return made


def test_an_answer_overtaken_by_an_announcement_is_no_rebuild(freshness: Freshness) -> None:
    """Under load every read is overtaken: it must not be refused for that."""
    floors = freshness.floors([FIELD])
    freshness.seen({FIELD: 6})
    freshness.check(floors, {FIELD: 5})
    with pytest.raises(Rebuilding):
        freshness.check(freshness.floors([FIELD]), {FIELD: 5})


def test_a_look_overtaken_by_an_announcement_does_not_find_the_view_gone_back(freshness: Freshness) -> None:
    """Otherwise a busy view would raise its floors to the log's end again and again, and answer nothing."""
    known = freshness.known()
    freshness.seen({FIELD: 6})
    assert not freshness.went_back({FIELD: 5}, known)
    assert freshness.went_back({FIELD: 5}, freshness.known())


def test_an_overtaken_answer_does_not_lower_what_was_seen(freshness: Freshness) -> None:
    """What went back is noticed even when an older answer came in between."""
    freshness.seen({FIELD: 6})
    freshness.seen({FIELD: 5})
    assert freshness.known() == {FIELD: 6}
