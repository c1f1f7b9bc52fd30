"""A consumer's fetcher whose broker and clock a test plays: aiokafka's own, without its task."""

import asyncio
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher, OffsetResetStrategy
from aiokafka.consumer.subscription_state import Assignment, SubscriptionState

from jobforge.chassis import fetch_tiers
from jobforge.chassis.fetch_tiers import FEW, Lane, install

QUIET, BUSY = Lane(1, busy=False), Lane(1, busy=True)
OTHER_QUIET, OTHER_BUSY = Lane(2, busy=False), Lane(2, busy=True)
ALL = frozenset(range(FEW + 1))
BACKOFF = 0.1
RUNS = [TopicPartition("runs", number) for number in range(len(ALL) + 1)]


class _Cluster:
    """The leaders as a test says; each change of them is a new ``_partitions``, as metadata brings it."""

    def __init__(self, leaders: dict[TopicPartition, int | None]) -> None:
        self._leaders = leaders
        self._held = dict(leaders)

    @property
    def _partitions(self) -> dict[TopicPartition, int | None]:
        if self._held != self._leaders:
            self._held = dict(self._leaders)
        return self._held

    def leader_for_partition(self, at: TopicPartition) -> int | None:
        """The broker that leads it."""
        return self._leaders[at]


class Reading:
    """A consumer of all partitions, which broker 1 leads; its clock stands still until a test moves it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        patch.setattr(fetch_tiers, "monotonic", lambda: self.now)
        self.leaders: dict[TopicPartition, int | None] = dict.fromkeys(RUNS, 1)
        self.sent: list[tuple[Any, Any, dict[str, Any]]] = []
        self.reply: Any = None
        cluster = _Cluster(self.leaders)
        self.client: Any = SimpleNamespace(_loop=None, _metadata_max_age_ms=1000, cluster=cluster, send=self._send)
        self.fetcher: Any = Fetcher(self.client, SubscriptionState(), auto_offset_reset="none")
        self.fetcher._fetch_task.cancel()  # a test takes the actions, and answers them
        self.tiers = install(SimpleNamespace(_fetcher=self.fetcher, _client=self.client))
        self.under_way: dict[Lane | int, dict[TopicPartition, int]] = {}
        self.rebalance(ALL)

    async def _send(self, node: Any, request: Any, **more: Any) -> Any:
        self.sent.append((node, request, more))
        return self.reply

    def ask(self) -> dict[Lane, Any]:
        """Take the next actions as aiokafka's routine does, and tell which partitions each new fetch names."""
        self.fetcher._wait_consume_future = asyncio.get_running_loop().create_future()
        fetches, positions, _, self.leaderless, self.paused = self.fetcher._get_actions_per_node(self.assignment)
        new: dict[Lane | int, dict[TopicPartition, int]] = {node: dict.fromkeys(p, 0) for node, p in positions.items()}
        for lane, request in fetches:
            assert lane.node not in self.under_way.keys() | new, "records are asked for beside positions"
            new[lane] = {TopicPartition(topic, p): offset for topic, asked in request.topics for p, offset, _ in asked}
            assert not any(self.state(each.partition).paused for each in new[lane])
        assert not new.keys() & self.under_way.keys(), "asked again before the answer"
        self.under_way |= new
        self.fetcher._in_flight |= new.keys()
        return {lane: {each.partition for each in new[lane]} for lane, _ in fetches}

    def answer(self, lane: Lane | int, records: Iterable[int] = (), *, error: bool = False) -> None:
        """What was asked for arrives: positions, or records, or errors, of those of these partitions that it named."""
        self.fetcher._in_flight.discard(lane)
        until = self.now + BACKOFF
        for each, offset in self.under_way.pop(lane).items():
            state = self.state(each.partition)
            if isinstance(lane, int):
                state.seek(state._position or 0)
            elif each.partition in records:
                if not error:
                    self.tiers.heard(*each)
                if state._position == offset:
                    self.fetcher._records[each] = SimpleNamespace(calculate_backoff=lambda: max(0, until - self.now))

    def take(self, numbers: Iterable[int]) -> None:
        """The consumer takes the records of these partitions."""
        for number in numbers:
            if self.fetcher._records.pop(RUNS[number], None):
                self.state(number).seek(self.state(number).position + 1)

    def state(self, number: int) -> Any:
        """What aiokafka knows of this partition."""
        return self.assignment.state_value(RUNS[number])

    def hurried(self, number: int, *, to: int | None = None) -> None:
        """Resumed, or read from elsewhere, as the adapter does it."""
        self.state(number).resume()
        if to is not None:
            self.lost(number)
            self.state(number).seek(to)
        self.tiers.hurry([RUNS[number]])

    def lost(self, number: int) -> None:
        """The position has to be asked for."""
        self.state(number).await_reset(OffsetResetStrategy.EARLIEST)
        self.fetcher._records.pop(RUNS[number], None)

    def rebalance(self, numbers: Iterable[int]) -> None:
        """These are assigned; what is under way is given up, as the routine does."""
        self.assignment: Any = Assignment({RUNS[number] for number in numbers})
        for each in self.assignment.tps:
            self.assignment.state_value(each).seek(0)
        self.under_way, self.fetcher._in_flight, self.fetcher._records = {}, set(), {}

    def forgotten(self) -> list[TopicPartition]:
        """Those that could be fetched and wait neither for a broker's answer nor for the consumer to take records."""
        waiting: set[int | None] = {None, *(lane.node if isinstance(lane, Lane) else lane for lane in self.under_way)}
        waiting |= {self.leaders[each] for each, held in self.fetcher._records.items() if held.calculate_backoff()}
        idle = [at for at in self.assignment.tps - self.fetcher._records.keys() if self.leaders[at] not in waiting]
        return [at for at in idle if not self.assignment.state_value(at).paused]

    def begin(self, busy: Iterable[int]) -> None:
        """The first fetch is answered with records of these, which the consumer takes."""
        assert self.ask() == {QUIET: ALL}
        self.answer(QUIET, busy)
        self.take(busy)
