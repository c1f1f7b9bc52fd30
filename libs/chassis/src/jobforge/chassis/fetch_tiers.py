"""Two fetches at a time: one names the partitions where something happens, the other all those where nothing does.

A broker looks into every partition of a fetch each time it answers, and aiokafka does when it asks. For a service that
reads two hundred partitions, of which two dozen are in use, that is most of what reading costs both. The fetch of the
quiet ones waits at the broker, and is answered at once when one of them gets a record.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import count
from time import monotonic
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.protocol.fetch import FetchRequest

FEW = 32
"""Up to so many partitions one fetch names them all."""
BUSY_FOR = 30.0
"""Seconds after its last record for which a partition counts as busy."""
HURRY_FOR = 1.0
"""Seconds for which one does that was just resumed, or read from elsewhere: the quiet fetch under way does not know."""
LOOK_EVERY = 1.0
"""Seconds until those that have become quiet are told from the busy ones, while nothing else asks for it."""
QUIET_CONNECTION = 2
"""A connection of its own, since a broker answers the requests of one after each other; aiokafka has 0 and 1."""


class Lane(NamedTuple):
    """One of the two fetches from one broker; aiokafka takes it for the broker's id."""

    node: int
    busy: bool


class FetchTiers:
    """Decides what a consumer's fetcher asks for next, instead of ``Fetcher._get_actions_per_node``."""

    def __init__(self, fetcher: Any) -> None:
        self._fetcher = fetcher
        self._assignment: Any = None
        self._busy: dict[TopicPartition, float] = {}
        """Until when each busy partition counts as one, by the monotonic clock."""
        self._quiet: set[Lane] = set()
        """Quiet fetches that were sent: while all of them are under way, only the busy partitions are looked at."""
        self._look = True
        """Whether every partition has to be looked at, whatever is under way."""
        self._looked = 0.0
        self._lanes: dict[TopicPartition, tuple[Lane, Lane]] = {}
        self._lanes_by: Any = None
        """The cluster's partitions that the lanes were made by."""
        self._first = count()

    def heard(self, topic: str, partition: int) -> None:
        """This partition had something to tell."""
        self._until(TopicPartition(topic, partition), BUSY_FOR)

    def hurry(self, partitions: Iterable[TopicPartition]) -> None:
        """These are asked for next, whatever is under way."""
        for partition in partitions:
            self._until(partition, HURRY_FOR)
        self._fetcher._notify(self._fetcher._wait_consume_future)

    def actions(self, assignment: Any) -> tuple[Any, ...]:
        """See ``Fetcher._get_actions_per_node``: fetches, positions to ask for, time-out, metadata, futures."""
        if assignment is not self._assignment:
            self._assignment = assignment
            kept = self._busy if len(assignment.tps) > FEW else {}
            self._busy = {at: until for at, until in kept.items() if at in assignment.tps}
            self._quiet.clear()
            self._look = True
        under_way = self._fetcher._in_flight
        if self._look or not self._quiet <= under_way or monotonic() - self._looked > LOOK_EVERY:
            return self._look_at(assignment.tps, assignment)
        return self._look_at(self._busy, assignment)

    def _misses(self, at: TopicPartition) -> bool:
        """Whether a quiet fetch is under way that does not name it: it would be in none until that one is answered."""
        return self._lanes_of(at)[False] in self._fetcher._in_flight

    def _lanes_of(self, at: TopicPartition) -> tuple[Lane, Lane]:
        """The quiet one and the busy one from its leader."""
        cluster = self._fetcher._client.cluster
        if cluster._partitions is not self._lanes_by:
            self._lanes_by = cluster._partitions
            self._lanes.clear()
        if at not in self._lanes:
            leader = cluster.leader_for_partition(at)
            self._lanes[at] = Lane(leader, busy=False), Lane(leader, busy=True)
        return self._lanes[at]

    def _until(self, at: TopicPartition, seconds: float) -> None:
        if self._assignment is not None and len(self._assignment.tps) > FEW and at in self._assignment.tps:
            self._busy[at] = max(self._busy.get(at, 0.0), monotonic() + seconds)

    def _look_at(self, partitions: Iterable[TopicPartition], assignment: Any) -> tuple[Any, ...]:
        fetcher, under_way = self._fetcher, self._fetcher._in_flight
        states, busy = assignment._tp_state, self._busy
        whole = partitions is assignment.tps
        if whole:
            self._looked = monotonic()
            busy = {at: until for at, until in self._busy.items() if until > self._looked or self._misses(at)}
            self._busy = busy
        wanted: dict[Lane, list[tuple[TopicPartition, int]]] = defaultdict(list)
        positions: dict[int, list[TopicPartition]] = defaultdict(list)
        backoffs: dict[Lane, list[float]] = defaultdict(list)
        paused: list[Any] = []
        leaderless = held = False
        for at in partitions:
            state = states[at]
            lane = self._lanes_of(at)[at in busy]
            node = lane.node
            if at in fetcher._records:
                held = True
                backoff = fetcher._records[at].calculate_backoff()
                if backoff:
                    backoffs[lane].append(backoff)
            elif lane in under_way:
                continue
            elif node is None or node == -1:
                leaderless = True
            elif state._position is None:
                positions[node].append(at)
            elif state._paused:
                paused.append(state._resume_fut)
            else:
                wanted[lane].append((at, state._position))
        # A broker that is asked for positions is not asked for records.
        asked = {node: these for node, these in positions.items() if node not in under_way}
        ready = {
            lane: found
            for lane, found in wanted.items()
            if lane not in backoffs and lane.node not in under_way and lane.node not in asked
        }
        if whole:
            self._quiet = {lane for lane in (*under_way, *ready) if isinstance(lane, Lane) and not lane.busy}
            self._look = held or leaderless or bool(paused or positions) or len(ready) < len(wanted)
        timeout = min(map(max, backoffs.values())) if backoffs else fetcher._fetcher_timeout
        return [(lane, self._request(found)) for lane, found in ready.items()], asked, timeout, leaderless, paused

    def _request(self, found: list[tuple[TopicPartition, int]]) -> FetchRequest:
        fetcher = self._fetcher
        first = next(self._first) % len(found)  # a broker fills its answer in the order asked: each in its turn
        by_topic: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        for at, position in (*found[first:], *found[:first]):
            by_topic[at.topic].append((at.partition, position, fetcher._max_partition_fetch_bytes))
        return FetchRequest(
            fetcher._fetch_max_wait_ms,
            fetcher._fetch_min_bytes,
            fetcher._fetch_max_bytes,
            fetcher._isolation_level,
            list(by_topic.items()),
            rack_id=fetcher._client_rack or "",
        )


def install(consumer: AIOKafkaConsumer) -> FetchTiers:
    """Let a started consumer fetch in two tiers, from leaders alone: replicas of its rack are not asked."""
    fetcher, client = consumer._fetcher, consumer._client
    tiers = FetchTiers(fetcher)
    send, set_error = client.send, fetcher._set_error

    async def send_to(node: Any, request: Any, **more: Any) -> Any:
        if not isinstance(node, Lane):
            return await send(node, request, **more)
        if not node.busy:
            more["group"] = QUIET_CONNECTION
        response = await send(node.node, request, **more)
        for topic, told in response.topics:
            for partition, *_, records in told:
                if records:
                    tiers.heard(topic, partition)
        return response

    def set_once(at: TopicPartition, error: Exception) -> None:
        # While a partition changes its tier both fetches may name it, and both may meet the same error.
        if at not in fetcher._records:
            set_error(at, error)

    client.send, fetcher._get_actions_per_node, fetcher._set_error = send_to, tiers.actions, set_once
    return tiers
