"""Tenants take turns, whatever any of them sends."""

from hypothesis import given
from hypothesis import strategies as st

from jobforge.execution.lanes import Lane

ITEMS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 1000)), max_size=60)


@given(ITEMS)
def test_everything_put_is_taken_once_and_each_tenants_items_in_their_order(items: list[tuple[str, int]]) -> None:
    """Nothing is lost, nothing is doubled, nobody overtakes within a tenant."""
    lane = Lane[tuple[str, int]](slots=1)
    for item in items:
        lane.put(item[0], item)
    taken = [lane.take() for _ in range(len(lane))]
    assert len(lane) == 0
    for tenant in "abcd":
        assert [item for item in taken if item[0] == tenant] == [item for item in items if item[0] == tenant]


@given(st.integers(1, 500))
def test_a_flood_delays_another_tenant_by_one_item(flood: int) -> None:
    """However many wait before it, the next tenant's item is the second one taken."""
    lane = Lane[str](slots=1)
    for number in range(flood):
        lane.put("loud", f"loud {number}")
    lane.put("quiet", "quiet")
    assert "quiet" in [lane.take(), lane.take()]


@given(ITEMS, st.sampled_from("abcd"))
def test_what_is_dropped_is_never_taken(items: list[tuple[str, int]], gone: str) -> None:
    """A lost partition's records leave the queue, and only they."""
    lane = Lane[tuple[str, int]](slots=1)
    for item in items:
        lane.put(item[0], item)
    dropped = lane.drop(lambda item: item[0] == gone)
    left = [lane.take() for _ in range(len(lane))]
    assert sorted(dropped + left) == sorted(items)
    assert all(item[0] == gone for item in dropped)
    assert all(item[0] != gone for item in left)
