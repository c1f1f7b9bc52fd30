"""What a worker remembers of the runs it met."""

import asyncio
from uuid import uuid4

import pytest

from jobforge.execution.recent import RecentRuns


async def test_a_repeat_is_not_left_waiting_for_ever_when_the_work_on_its_original_broke() -> None:
    """It is told to start as if it were the first, and its offset can be let go."""
    recent, run_id = RecentRuns(), uuid4()
    assert recent.meet(run_id, "d", 1) == "new"

    async def original() -> None:
        with recent.working(run_id):
            await asyncio.sleep(0)
            raise RuntimeError("of the engine's own")

    work = asyncio.create_task(original())
    assert recent.meet(run_id, "d", 1) == "repeat"
    async with asyncio.timeout(5):
        assert await recent.finished(run_id) is False
    with pytest.raises(RuntimeError):
        await work
    assert recent.meet(run_id, "d", 1) == "new"


async def test_a_cancelled_repeat_leaves_its_original_and_other_repeats_alone() -> None:
    """Waiting is not owning."""
    recent, run_id = RecentRuns(), uuid4()
    recent.meet(run_id, "d", 1)
    with recent.working(run_id):
        waiting = [asyncio.create_task(recent.finished(run_id)) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
    assert await waiting[1] is True
    assert waiting[0].cancelled()


async def test_the_next_attempt_is_no_repeat_and_an_earlier_one_is() -> None:
    """A retry comes back under the same run id; what came before it is old news."""
    recent, run_id = RecentRuns(), uuid4()
    assert recent.meet(run_id, "d", 1) == "new"
    with recent.working(run_id):
        pass
    assert recent.meet(run_id, "d", 2) == "new"
    assert recent.meet(run_id, "d", 1) == "repeat"
    assert recent.meet(run_id, "other", 3) == "conflict"


async def test_an_attempt_that_was_put_off_is_new_when_it_comes_again() -> None:
    """A record that waits for another worker's lease has not been worked on."""
    recent, run_id = RecentRuns(), uuid4()
    recent.meet(run_id, "d", 1)
    with recent.working(run_id) as work:
        work.put_off = True
    assert recent.meet(run_id, "d", 1) == "new"
