"""A broker that only hears of changes knows at each fetch what the consumer wants; whatever goes wrong in between."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v5, FetchRequest_v11
from hypothesis import given
from hypothesis import strategies as st

from jobforge.chassis.fetch_sessions import FULL, FetchSession, install

NOT_FOUND, WRONG_EPOCH = 70, 71
SIZE = 1000

Wanted = Mapping[tuple[str, int], int]


def fetch_of(wanted: Wanted) -> FetchRequest:
    """What aiokafka would send for these offsets."""
    topics: dict[str, list[tuple[int, int, int]]] = {}
    for (topic, partition), offset in wanted.items():
        topics.setdefault(topic, []).append((partition, offset, SIZE))
    return FetchRequest(250, 1, 50_000_000, 0, list(topics.items()))


class Broker:
    """Keeps one session as KIP-227 has it, and what it was last asked for in effect."""

    def __init__(self) -> None:
        self.session, self.epoch = 0, 0
        self.held: dict[tuple[str, int], int] = {}
        self.named = 0
        """Partitions that the last request named."""
        self.troubles: list[str] = []
        """What happens to the next requests, last one first."""

    async def send(self, request: Any) -> Any:
        """Answer a fetch."""
        trouble = self.troubles.pop() if self.troubles else ""
        if trouble == "unseen":
            raise KafkaConnectionError("lost on the way there")
        built = request.build(FetchRequest_v11)
        if trouble == "forgotten":
            self.session = 0
        if built.session_epoch == FULL:
            self.held = {}
            self.session, self.epoch = (0 if trouble == "crowded" else self.session + 1), 1
        elif built.session_id != self.session or self.session == 0:
            return SimpleNamespace(error_code=NOT_FOUND, session_id=0)
        elif built.session_epoch != self.epoch:
            return SimpleNamespace(error_code=WRONG_EPOCH, session_id=0)
        else:
            self.epoch += 1
        self.named = 0
        for topic, partitions in built.forgotten_topics_data:
            for partition in partitions:
                del self.held[topic, partition]
        for topic, partitions in built.topics:
            for partition, _, offset, _, _ in partitions:
                self.held[topic, partition] = offset
                self.named += 1
        if trouble == "unheard":
            raise KafkaConnectionError("lost on the way back")
        return SimpleNamespace(error_code=0, session_id=self.session, topics=[])


wanted_once = st.dictionaries(
    st.tuples(st.sampled_from(["jobs", "runs"]), st.integers(0, 3)), st.integers(0, 5), max_size=8
)
trouble_once = st.sampled_from(["", "", "", "unseen", "unheard", "forgotten", "crowded"])


@given(st.lists(st.tuples(wanted_once, trouble_once), max_size=20))
def test_the_broker_knows_what_is_wanted_at_every_fetch_that_is_answered(steps: list[tuple[Wanted, str]]) -> None:
    """Requests and answers get lost, brokers forget sessions or have no room for one: nothing is fetched amiss."""
    broker, session = Broker(), FetchSession()

    async def fetch_all() -> None:
        for wanted, trouble in steps:
            broker.troubles = [trouble]
            try:
                await session.fetch(broker.send, fetch_of(wanted))
            except KafkaError:
                assert trouble in ("unseen", "unheard")
                continue
            assert broker.held == dict(wanted)

    asyncio.run(fetch_all())


async def test_a_fetch_names_only_what_changed() -> None:
    """Of a hundred partitions the one whose offset moved."""
    broker, session = Broker(), FetchSession()
    wanted = {("runs", partition): 0 for partition in range(100)}
    await session.fetch(broker.send, fetch_of(wanted))
    assert broker.named == 100
    await session.fetch(broker.send, fetch_of(wanted | {("runs", 7): 5}))
    assert broker.named == 1


async def test_a_fetch_that_nobody_waited_for_is_followed_by_a_whole_one() -> None:
    """A rebalance cancels it, and whether the broker saw it is not known."""
    broker, session = Broker(), FetchSession()
    await session.fetch(broker.send, fetch_of({("runs", 0): 0}))

    async def never(request: Any) -> Any:
        await asyncio.Event().wait()

    waiting = asyncio.ensure_future(session.fetch(never, fetch_of({("runs", 0): 1})))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await session.fetch(broker.send, fetch_of({("runs", 0): 1, ("runs", 1): 0}))
    assert broker.named == 2


async def test_a_broker_that_refuses_whole_fetches_is_an_error_and_no_silence() -> None:
    """aiokafka itself would take such an answer for one without records, and ask again at once."""

    async def refuse(request: Any) -> Any:
        return SimpleNamespace(error_code=WRONG_EPOCH, session_id=0)

    with pytest.raises(KafkaError):
        await FetchSession().fetch(refuse, fetch_of({("runs", 0): 0}))


async def test_an_older_broker_is_asked_as_aiokafka_asks_it() -> None:
    """Whole, at every fetch."""
    sent: list[Any] = []

    async def send(request: Any) -> Any:
        sent.append(request.build(FetchRequest_v5))
        return SimpleNamespace(topics=[])

    session = FetchSession()
    for _ in range(2):
        await session.fetch(send, fetch_of({("runs", 0): 3}))
    whole = fetch_of({("runs", 0): 3}).build(FetchRequest_v5)
    assert [each.encode() for each in sent] == [whole.encode()] * 2


async def test_each_broker_has_a_session_of_its_own_and_other_requests_go_as_they_are() -> None:
    """A partition that moves to another broker is forgotten by the first."""
    brokers = {1: Broker(), 2: Broker()}
    other: list[Any] = []

    async def send(node: int, request: Any, **more: Any) -> Any:
        if isinstance(request, FetchRequest):
            return await brokers[node].send(request)
        other.append((node, request, more))
        return None

    consumer: Any = SimpleNamespace(_client=SimpleNamespace(send=send))
    install(consumer)
    both = {("runs", 0): 0, ("runs", 1): 0}
    await consumer._client.send(1, fetch_of(both))
    await consumer._client.send(1, fetch_of({("runs", 0): 0}))
    await consumer._client.send(2, fetch_of({("runs", 1): 0}))
    await consumer._client.send(2, "commit", group=5)
    assert (brokers[1].held, brokers[2].held) == ({("runs", 0): 0}, {("runs", 1): 0})
    assert other == [(2, "commit", {"group": 5})]
