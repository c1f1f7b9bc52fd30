"""Two fetches share a consumer's partitions: each partition is in the one it should be, and none is ever forgotten."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.fetcher import FetchError
from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.protocol.fetch import FetchRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobforge.chassis import fetch_tiers
from jobforge.chassis.fetch_tiers import BUSY_FOR, FEW, HURRY_FOR, LOOK_EVERY, QUIET_CONNECTION
from jobforge.testkit.fetching import ALL, BACKOFF, BUSY, OTHER_BUSY, OTHER_QUIET, QUIET, RUNS, Reading


@pytest.fixture
async def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    """One more partition than a few."""
    return Reading(monkeypatch)


async def test_a_consumer_of_few_partitions_has_one_fetch_that_names_them_all(reading: Reading) -> None:
    """Whether something happened to them or not."""
    reading.rebalance(range(FEW))
    for _ in range(2):
        assert reading.ask() == {QUIET: set(range(FEW))}
        reading.answer(QUIET, [5])
        reading.take([5])
        reading.hurried(6, to=3)


async def test_a_quiet_partition_that_gets_a_record_is_named_by_the_busy_fetch_from_then_on(reading: Reading) -> None:
    """And the others are not, whatever the busy fetch is told."""
    assert reading.ask() == {QUIET: ALL}
    reading.answer(QUIET, [5])
    assert reading.ask() == {QUIET: ALL - {5}}
    for records in [[5], [], [5]]:
        reading.take([5])
        assert (reading.ask(), reading.ask()) == ({BUSY: {5}}, {})
        reading.answer(BUSY, records)


async def test_a_busy_partition_with_nothing_to_tell_goes_back_to_the_quiet_fetch(reading: Reading) -> None:
    """Also when all of them were busy: no quiet fetch is under way then, whose answer would make us look."""
    reading.begin(busy=ALL)
    assert reading.ask() == {BUSY: ALL}
    reading.now += BUSY_FOR - 1
    reading.answer(BUSY, [6])
    assert reading.ask() == {}, "the consumer is given no time to take the record"
    reading.take([6])
    reading.hurried(6)
    assert reading.ask() == {BUSY: ALL}
    reading.now += 1 + LOOK_EVERY
    assert reading.ask() == {QUIET: ALL - {6}}
    reading.answer(BUSY)
    assert reading.ask() == {BUSY: {6}}


async def test_a_partition_does_not_leave_the_busy_fetch_for_a_quiet_one_that_does_not_name_it(
    reading: Reading,
) -> None:
    """A record would wait there until the quiet fetch under way is answered."""
    reading.begin(busy=[3])
    assert reading.ask() == {BUSY: {3}, QUIET: ALL - {3}}
    reading.now += BUSY_FOR + LOOK_EVERY
    reading.answer(BUSY)
    assert reading.ask() == {BUSY: {3}}
    reading.answer(QUIET)
    assert reading.ask() == {QUIET: ALL}


async def test_after_a_rebalance_to_few_partitions_one_fetch_names_them_all(reading: Reading) -> None:
    """Busy or not."""
    reading.begin(busy=[3])
    reading.rebalance(range(FEW))
    assert reading.ask() == {QUIET: frozenset(range(FEW))}


@pytest.mark.parametrize("to", [None, 500])
async def test_what_is_resumed_or_sought_during_the_quiet_fetch_is_asked_for_at_once(reading: Reading, to: Any) -> None:
    """From where it is to be read, and until the quiet fetch takes it over."""
    reading.state(7).pause()
    assert (reading.ask(), reading.paused) == ({QUIET: ALL - {7}}, [reading.state(7).resume_fut])
    reading.hurried(7, to=to)
    assert reading.fetcher._wait_consume_future.done(), "the routine sleeps on"
    assert (reading.ask(), reading.under_way[BUSY]) == ({BUSY: {7}}, {RUNS[7]: to or 0})
    reading.hurried(8)
    assert reading.ask() == {}
    reading.answer(BUSY)
    assert reading.ask() == {BUSY: {7, 8}}
    reading.now += HURRY_FOR
    reading.answer(BUSY)
    reading.answer(QUIET)
    assert reading.ask() == {QUIET: ALL}


@pytest.mark.parametrize("count", [1, FEW + 1])
async def test_a_partition_whose_records_were_held_back_is_asked_for_again(reading: Reading, count: int) -> None:
    """Also when it is the only one, so that nothing at all is under way."""
    reading.rebalance(range(count))
    reading.ask()
    reading.answer(QUIET, [0])
    reading.now += BACKOFF
    assert all(0 not in named for named in reading.ask().values())
    reading.take([0])
    assert 0 in reading.ask()[QUIET if count <= FEW else BUSY]


async def test_paused_partitions_are_not_asked_for_and_their_resuming_is_waited_for(reading: Reading) -> None:
    """As aiokafka does it; also when there are no others, so that nothing at all is under way."""
    reading.rebalance([5])
    reading.state(5).pause()
    assert (reading.ask(), reading.ask(), reading.paused) == ({}, {}, [reading.state(5).resume_fut])
    reading.state(5).resume()
    assert reading.ask() == {QUIET: {5}}


async def test_a_partition_without_a_leader_asks_for_metadata_until_it_has_one(reading: Reading) -> None:
    """The others are fetched meanwhile."""
    for leader, wanted in (None, {QUIET: ALL - {5}}), (-1, {}), (2, {OTHER_QUIET: {5}}):
        reading.leaders[RUNS[5]] = leader
        assert (reading.ask(), reading.leaderless) == (wanted, leader != 2)


async def test_nothing_is_fetched_from_a_broker_that_is_asked_for_positions(reading: Reading) -> None:
    """As aiokafka does it; another broker is asked for records."""
    reading.begin(busy=[6])
    reading.leaders[RUNS[7]] = 2
    reading.lost(5)
    assert (reading.ask(), reading.under_way[1]) == ({OTHER_QUIET: {7}}, {RUNS[5]: 0})
    assert reading.ask() == {}
    reading.answer(1)
    assert reading.ask() == {QUIET: ALL - {6, 7}, BUSY: {6}}


async def test_after_a_rebalance_only_partitions_that_are_still_held_are_busy(reading: Reading) -> None:
    """One that comes back later starts as a quiet one."""
    reading.begin(busy=[5, 6])
    for others in ALL - {6} | {len(ALL)}, ALL:
        reading.rebalance(others)
        assert reading.ask() == {QUIET: others - {5}, BUSY: {5}}


async def test_two_brokers_have_fetches_of_their_own(reading: Reading) -> None:
    """A record at one of them disturbs no fetch from the other."""
    reading.leaders |= {RUNS[3]: 2, RUNS[4]: 2}
    assert reading.ask() == {QUIET: ALL - {3, 4}, OTHER_QUIET: {3, 4}}
    reading.answer(OTHER_QUIET, [3])
    reading.take([3])
    assert reading.ask() == {OTHER_QUIET: {4}, OTHER_BUSY: {3}}


async def test_an_error_that_both_fetches_meet_is_set_once_and_does_not_end_the_fetcher(reading: Reading) -> None:
    """A partition that was busy until now is named by both."""
    told = (5, OffsetOutOfRangeError.errno, -1, -1, -1, (), -1, b"")
    reading.reply = SimpleNamespace(API_VERSION=11, topics=[("runs", [told])])
    asked = FetchRequest(250, 1, 1000, 0, [("runs", [(5, 0, 1000)])])
    for lane in BUSY, QUIET:
        assert await reading.fetcher._proc_fetch_request(reading.assignment, lane, asked) is True
    assert [(each, type(found)) for each, found in reading.fetcher._records.items()] == [(RUNS[5], FetchError)]


async def test_the_fetches_have_a_connection_each_and_other_requests_go_as_they_are(reading: Reading) -> None:
    """Partitions with records in an answer become busy by it."""
    reading.fetcher._in_flight.add(1)
    assert reading.ask() == {}, "aiokafka's own fetch, from before, names them all"
    reading.fetcher._in_flight.clear()
    assert reading.ask() == {QUIET: ALL}
    await reading.client.send(1, "commit", group=1)
    reading.reply = SimpleNamespace(topics=[("runs", [(5, 0, 9, b"records"), (6, 0, 0, b""), (7, 1, -1, None)])])
    assert await reading.client.send(QUIET, "quiet") is reading.reply
    reading.answer(QUIET)
    assert reading.ask() == {QUIET: ALL - {5}, BUSY: {5}}
    await reading.client.send(BUSY, "busy")
    assert reading.sent == [(1, "commit", {"group": 1}), (1, "quiet", {"group": QUIET_CONNECTION}), (1, "busy", {})]


LEADERS = dict(zip(RUNS, (1, 1, 1, 2), strict=False))
WAITS = 0, 0, 0, 0, BACKOFF, HURRY_FOR, LOOK_EVERY * 2, BUSY_FOR
MAY_HAPPEN: dict[str, Callable[[Reading, int, frozenset[int]], Any]] = {
    "answer": lambda it, one, some: it.answer([*it.under_way][one % len(it.under_way)], some, error=one == 3),
    "take": lambda it, one, some: it.take(some),
    "pause": lambda it, one, some: it.state(one).pause(),
    "hurry": lambda it, one, some: it.hurried(one, to=500 if some else None),
    "lose": lambda it, one, some: it.lost(one),
    "lead": lambda it, one, some: it.leaders.update(LEADERS | {RUNS[each]: None for each in some}),
    "rebalance": lambda it, one, some: it.rebalance(some | {one}),
}
one = st.integers(0, 3)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*MAY_HAPPEN]), one, st.frozensets(one), st.sampled_from(WAITS))))
async def test_no_partition_is_ever_forgotten_whatever_happens(steps: list[Any]) -> None:
    """Each waits for an answer of its broker at most; then it is asked for, and no time has to pass for that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch_tiers, "FEW", 2)
        reading = Reading(patch)
        reading.leaders |= LEADERS
        reading.rebalance(range(4))
        for what, one, some, seconds in steps:
            reading.now += seconds
            if RUNS[one] in reading.assignment.tps and (reading.under_way or what != "answer"):
                MAY_HAPPEN[what](reading, one, some)
            reading.ask()
            assert not reading.forgotten()
        reading.leaders |= LEADERS
        reading.take(range(4))
        for each in reading.assignment.tps:
            reading.state(each.partition).resume()
        reading.ask()
        for _ in range(3):  # fetches, then positions that were not asked for because of either of two
            for lane in list(reading.under_way):
                reading.answer(lane)
                reading.ask()
        assert {each for asked in reading.under_way.values() for each in asked} == reading.assignment.tps
