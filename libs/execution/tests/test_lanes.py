"""Tenants take turns, whatever any of them sends."""

from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from jobforge.execution.lanes import SPARE, Lane

ITEMS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 1000)), max_size=60)
MANY = 1000
T = TypeVar("T")


def all_of(lane: Lane[T]) -> list[T]:
    """Everything that may run now, in its order."""
    return list(iter(lane.take, None))


@given(ITEMS)
def test_everything_put_is_taken_once_and_each_tenants_items_in_their_order(items: list[tuple[str, int]]) -> None:
    """Nothing is lost, nothing is doubled, nobody overtakes within a tenant."""
    lane = Lane[tuple[str, int]](slots=MANY)
    for item in items:
        lane.put(item[0], item)
    taken = all_of(lane)
    assert len(taken) == len(items)
    for tenant in "abcd":
        assert [item for item in taken if item[0] == tenant] == [item for item in items if item[0] == tenant]


@given(st.integers(1, 500))
def test_a_flood_delays_another_tenant_by_one_item(flood: int) -> None:
    """However many wait before it, the next tenant's item is the second one taken."""
    lane = Lane[str](slots=MANY)
    for number in range(flood):
        lane.put("loud", f"loud {number}")
    lane.put("quiet", "quiet")
    assert "quiet" in [lane.take(), lane.take()]


@given(ITEMS, st.sampled_from("abcd"))
def test_what_is_dropped_is_never_taken(items: list[tuple[str, int]], gone: str) -> None:
    """A lost partition's records leave the queue, and only they."""
    lane = Lane[tuple[str, int]](slots=MANY)
    for item in items:
        lane.put(item[0], item)
    dropped = lane.drop(lambda item: item[0] == gone)
    left = all_of(lane)
    assert sorted(dropped + left) == sorted(items)
    assert all(item[0] == gone for item in dropped)
    assert all(item[0] != gone for item in left)


def flooded(slots: int, waiting: int) -> Lane[str]:
    """A lane whose every slot a flood of long jobs holds, with more of them waiting."""
    lane = Lane[str](slots=slots)
    for number in range(slots + waiting):
        lane.put("loud", f"loud {number}")
    assert all_of(lane) == [f"loud {number}" for number in range(slots)]
    return lane


@given(st.integers(16, 200), st.integers(0, 50))
def test_a_tenant_that_holds_every_slot_does_not_hold_those_that_are_spare(slots: int, waiting: int) -> None:
    """Others need not wait until one of its long jobs ends, however long the flood has been waiting."""
    lane = flooded(slots, waiting)
    for tenant in "ab":
        lane.put(tenant, tenant)
    assert all_of(lane) == ["a", "b"]
    lane.done("a")
    lane.put("a", "a again")
    assert all_of(lane) == ["a again"]


@given(st.integers(16, 200))
def test_two_floods_leave_spare_slots_to_a_third_tenant(slots: int) -> None:
    """The second one takes half of them at most, and no job runs beside the slots and the spare ones."""
    lane = flooded(slots, waiting=5)
    for number in range(slots):
        lane.put("also loud", f"also loud {number}")
    second = all_of(lane)
    assert 1 <= len(second) <= max(slots // SPARE // 2, 1)
    for number in range(slots):
        lane.put(f"quiet {number}", f"quiet {number}")
    assert len(all_of(lane)) == slots // SPARE - len(second)


@given(ITEMS, st.lists(st.integers(0, 1000), min_size=60, max_size=60))
def test_never_more_run_than_there_are_slots_and_nobody_waits_for_a_free_one(
    items: list[tuple[str, int]], ends: list[int]
) -> None:
    """Whatever ends when."""
    lane = Lane[tuple[str, int]](slots=16)
    running: list[tuple[str, int]] = []
    waiting = 0
    for item, end in zip(items, ends, strict=False):
        lane.put(item[0], item)
        waiting += 1
        if running and end % 3 == 0:
            ended = running.pop(end % len(running))
            lane.done(ended[0])
        started = all_of(lane)
        running += started
        waiting -= len(started)
        assert len(running) <= 18
        assert waiting == 0 or len(running) >= 16
