"""Records leave in order, one request to a broker at a time, and whoever waits for one is told what became of it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError, KafkaError, MessageSizeTooLargeError, NotLeaderForPartitionError
from aiokafka.producer.message_accumulator import MessageAccumulator
from aiokafka.producer.sender import Sender
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.structs import TopicPartition

from jobforge.chassis import connections
from jobforge.chassis.direct_sending import append_now, install, send_now
from jobforge.testkit.waiting import until

A, B = TopicPartition("a", 0), TopicPartition("b", 0)
MOVED, TOO_LARGE = NotLeaderForPartitionError.errno, MessageSizeTooLargeError.errno


class Broker:
    """A connection to the only broker: keeps what it is sent, and answers when it is told to."""

    def __init__(self) -> None:
        self.requests: list[tuple[Any, asyncio.Future[Any]]] = []
        self.up = True
        self.closed_for: list[Any] = []

    def connected(self) -> bool:
        """Whether it can be written to."""
        return self.up

    def send(self, request: Any) -> "asyncio.Future[Any]":
        """A request of a producer."""
        if not self.up:
            raise KafkaConnectionError("gone")
        answer = connections.Answer()
        self.requests.append((request, answer))
        return answer

    def close(self, reason: Any) -> None:
        """The client has given it up."""
        self.closed_for.append(reason)

    def values(self, number: int) -> list[bytes]:
        """What the records of a request say."""
        topics = self.requests[number][0]._topics
        batches = [DefaultRecordBatch(bytes(data)) for _, partitions in topics for _, data in partitions]
        return [record.value for batch in batches for record in batch]

    def answer(self, number: int, errors: dict[str, int] | None = None) -> None:
        """Every partition of a request was written at offset 7, but for these topics."""
        request, answer = self.requests[number]
        topics = [
            (topic, [(partition, (errors or {}).get(topic, 0), 7, -1, 0) for partition, _ in partitions])
            for topic, partitions in request._topics
        ]
        answer.set_result(SimpleNamespace(topics=topics, API_VERSION=7))


class Client:
    """aiokafka's client with one broker."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._conns = {(0, 0): broker}
        self.updates = 0

    async def send(self, node: int, request: Any) -> Any:
        """Connects again first, as the client does."""
        self.broker.up = True
        return await self.broker.send(request)

    def force_metadata_update(self) -> "asyncio.Future[None]":
        """Ask who leads what."""
        self.updates += 1
        done = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.01, done.set_result, None)
        return done

    async def _maybe_wait_metadata(self) -> None:
        return


class Producing:
    """A sender with its accumulator, over a broker that the test plays."""

    def __init__(self) -> None:
        install()
        install()
        self.broker = Broker()
        self.leader = 0
        self.client = Client(self.broker)
        cluster = SimpleNamespace(leader_for_partition=lambda _: self.leader)
        self.records = MessageAccumulator(cluster, 1000, 0, 30)
        self.sender = Sender(
            self.client,
            acks=-1,
            txn_manager=None,
            message_accumulator=self.records,
            retry_backoff_ms=1,
            request_timeout_ms=1000,
        )

    async def send(self, at: TopicPartition, value: bytes) -> "asyncio.Future[Any]":
        """Hand over a record."""
        sent: asyncio.Future[Any] = await self.records.add_message(at, b"k", value, 1)
        return sent

    async def requests(self, count: int) -> None:
        """Wait until the broker has got so many."""
        await until(lambda: len(self.broker.requests) == count)


@pytest.fixture
async def producing() -> Any:
    """A started sender."""
    made = Producing()
    await made.sender.start()
    yield made
    made.sender.sender_task.cancel()


async def test_records_that_come_while_a_request_is_under_way_wait_and_go_together(producing: Producing) -> None:
    """In the order they came, so that two records of one partition are never turned round."""
    first = await producing.send(A, b"1")
    await producing.requests(1)
    others = [await producing.send(A, b"2"), await producing.send(B, b"3"), await producing.send(A, b"4")]
    await asyncio.sleep(0.01)
    assert len(producing.broker.requests) == 1
    producing.broker.answer(0)
    assert (await first).offset == 7
    await producing.requests(2)
    assert sorted(producing.broker.values(1)) == [b"2", b"3", b"4"]
    producing.broker.answer(1)
    assert [(await other).offset for other in others] == [7, 7, 8]


async def test_who_waits_for_a_record_is_told_in_the_turn_in_which_the_answer_comes(producing: Producing) -> None:
    """Each turn of a busy loop is time of a job."""
    sent = await producing.send(A, b"1")
    await producing.requests(1)
    producing.broker.answer(0)
    assert sent.done()
    assert (await sent).offset == 7


async def test_a_record_that_somebody_waits_for_leaves_at_once_and_with_it_what_was_sent_before(
    producing: Producing,
) -> None:
    """Unless a request is under way: then it waits its turn."""
    await producing.send(A, b"1")
    await producing.send(A, b"2")
    producer: Any = SimpleNamespace(_sender=producing.sender)
    send_now(producer)
    assert producing.broker.values(0) == [b"1", b"2"]
    await producing.send(A, b"3")
    send_now(producer)
    await asyncio.sleep(0.01)
    assert len(producing.broker.requests) == 1
    producing.broker.answer(0)
    await producing.requests(2)
    assert producing.broker.values(1) == [b"3"]


def producer_of(producing: Producing) -> Any:
    """A producer of records up to 500 bytes; the topic ``a`` has one partition."""
    metadata = SimpleNamespace(partitions_for_topic={"a": {0}}.get)
    return SimpleNamespace(
        _sender=producing.sender, _message_accumulator=producing.records, _metadata=metadata, _max_request_size=500
    )


async def test_a_record_that_is_appended_at_once_leaves_in_the_order_of_all_others(producing: Producing) -> None:
    """In one batch with those that aiokafka took, with its headers, until the batch is full."""
    producer, value = producer_of(producing), b"v" * 300
    await producing.send(A, b"1")
    sent = append_now(producer, "a", key=b"k", value=value, headers=[("h", b"x")], partition=0)
    assert sent is not None
    await producing.send(A, b"3")
    assert append_now(producer, "a", key=None, value=value, headers=[], partition=0) is not None
    assert append_now(producer, "a", key=b"k", value=b"v" * 400, headers=[], partition=0) is None
    send_now(producer)
    assert producing.broker.values(0) == [b"1", value, b"3", value]
    producing.broker.answer(0)
    assert (await sent).offset == 8


@pytest.mark.parametrize(
    "record",
    [
        {"topic": "b", "partition": 0},
        {"topic": "a", "partition": 1},
        {"topic": "a", "partition": None},
        {"topic": "a", "partition": 0, "value": b"v" * 600},
        {"topic": "a", "partition": 0, "key": None, "value": None},
        {"topic": "a", "partition": 0, "_closed": True},
        {"topic": "a", "partition": 0, "_exception": KafkaError()},
    ],
)
async def test_what_aiokafka_waits_for_or_refuses_is_left_to_it(producing: Producing, record: dict[str, Any]) -> None:
    """A topic or partition nobody has heard of, too many bytes or none, a producer that stops or broke."""
    given = {"key": b"k", "value": b"v", "headers": []} | record
    for state in [name for name in given if name.startswith("_")]:
        setattr(producing.records, state, given.pop(state))
    assert append_now(producer_of(producing), given.pop("topic"), **given) is None
    assert not producing.records._batches


async def test_a_partition_that_was_refused_says_so_and_the_others_of_its_request_are_written(
    producing: Producing,
) -> None:
    """A no that is certain is not tried again."""
    written, refused = await producing.send(A, b"1"), await producing.send(B, b"2")
    await producing.requests(1)
    producing.broker.answer(0, {"b": TOO_LARGE})
    assert (await written).offset == 7
    with pytest.raises(MessageSizeTooLargeError):
        await refused
    await producing.send(B, b"3")
    await producing.requests(2)


async def test_a_partition_whose_leader_moved_is_sent_again_and_the_others_are_not(producing: Producing) -> None:
    """With the metadata asked for first."""
    written, moved = await producing.send(A, b"1"), await producing.send(B, b"2")
    await producing.requests(1)
    producing.broker.answer(0, {"b": MOVED})
    await producing.requests(2)
    assert producing.broker.values(1) == [b"2"]
    assert producing.client.updates >= 1
    producing.broker.answer(1)
    assert [(await each).offset for each in (written, moved)] == [7, 7]


@pytest.mark.parametrize("error", [KafkaConnectionError("closed"), TimeoutError()])
async def test_records_whose_answer_never_came_are_sent_again(producing: Producing, error: Exception) -> None:
    """A lost connection, or no answer in time: then the connection is closed, so that no late answer comes."""
    sent = await producing.send(A, b"1")
    await producing.requests(1)
    producing.broker.requests[0][1].set_exception(error)
    await producing.requests(2)
    assert producing.broker.values(1) == [b"1"]
    assert bool(producing.broker.closed_for) is isinstance(error, TimeoutError)
    producing.broker.answer(1)
    assert (await sent).offset == 7


@pytest.mark.parametrize("knows", [True, False])
async def test_a_connection_that_is_gone_is_made_again(producing: Producing, knows: bool) -> None:
    """Whether it says so before the write or by it."""
    producing.broker.up = False
    if not knows:
        producing.broker.connected = lambda: True  # type: ignore[method-assign]  # it has not been told yet
    sent = await producing.send(A, b"1")
    await producing.requests(1)
    producing.broker.answer(0)
    assert (await sent).offset == 7


async def test_a_record_waits_until_its_partition_has_a_leader(producing: Producing) -> None:
    """Metadata is asked for until there is one."""
    producing.leader = -1
    sent = await producing.send(A, b"1")
    await until(lambda: producing.client.updates > 1)
    producing.leader = 0
    await producing.requests(1)
    producing.broker.answer(0)
    assert (await sent).offset == 7


async def test_a_producer_that_stops_waits_for_what_is_under_way(producing: Producing) -> None:
    """And for what is tried again."""
    sent = await producing.send(A, b"1")
    await producing.requests(1)
    closing = asyncio.create_task(producing.sender.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    producing.broker.answer(0)
    await closing
    assert (await sent).offset == 7


def test_a_sender_does_not_break_for_connections_that_answer_in_another_way() -> None:
    """It did where nothing else had installed them: aiokafka's own give a coroutine in place of a future."""
    install()
    assert AIOKafkaConnection.send is connections._send


async def test_nobody_waits_for_ever_when_a_sender_breaks(producing: Producing) -> None:
    """Whatever went wrong, those who wait and those who come later are told."""
    waiting = await producing.send(A, b"1")
    await producing.requests(1)
    producing.broker.requests[0][1].set_result(SimpleNamespace(topics=[("a", [(0, 0)])], API_VERSION=7))
    with pytest.raises(KafkaError):
        await waiting
    with pytest.raises(KafkaError):
        await producing.send(A, b"2")
