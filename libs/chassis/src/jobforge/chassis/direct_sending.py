"""aiokafka's sender without a task for each request: records go out, and answers come in, as they are there.

Every record of the plane is awaited by somebody, so that what is between ``send`` and the socket is time of a job.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.conn import CloseReason
from aiokafka.errors import KafkaError, RequestTimedOutError
from aiokafka.producer.sender import Sender, SendProduceReqHandler
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from jobforge.chassis import connections
from jobforge.chassis.futures import wake

log = logging.getLogger(__name__)

TURNS = 2
"""Turns of the loop from an answer to the next request, which takes along what those send who were told."""

_DESK = "_desk_of_direct_sending"

Batches = Mapping[Any, Any]
"""By topic and partition, what goes to one broker."""


class _Answered(NamedTuple):
    node: int
    batches: Batches
    handler: SendProduceReqHandler | None
    """What sends it again; None if all is well."""


class _AnsweredClient:
    """A client for aiokafka's handler of one request, which was sent already: what is wrong with it is its affair."""

    def __init__(self, client: Any, connection: Any, answer: "asyncio.Future[Any]") -> None:
        self._client = client
        self._connection = connection
        self._answer = answer

    async def send(self, node: int, request: Any) -> Any:
        """The answer there was; raises ``KafkaError`` as a client does."""
        try:
            return await self._answer
        except TimeoutError as error:
            self._connection.close(reason=CloseReason.CONNECTION_TIMEOUT)
            raise RequestTimedOutError from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class _Desk:
    """What is under way for one sender: at most one request to a broker, and for a partition."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._records = sender._message_accumulator
        self._answered: deque[_Answered] = deque()
        self._under_way: set[asyncio.Future[Any]] = set()
        self._failure: BaseException | None = None

    async def settle(self) -> None:
        """Free what was answered for the next request; what has to be tried again is aiokafka's own affair."""
        for _ in range(TURNS if self._answered else 0):
            await asyncio.sleep(0)
        if self._failure is not None:
            raise self._failure
        while self._answered:
            node, batches, handler = self._answered.popleft()
            if handler is None:
                self._free(node, batches)
            else:
                self._start(self._by_handler(node, batches, handler))

    def hand_out(self) -> None:
        """Send what waits for brokers that are free."""
        sender = self._sender
        drained, leaderless = self._records.drain_by_nodes(
            ignore_nodes=sender._in_flight, muted_partitions=sender._muted_partitions
        )
        for node, batches in drained.items():
            sender._in_flight.add(node)
            sender._muted_partitions.update(batches)
            self._send(node, batches)
        if leaderless:
            sender.client.force_metadata_update().add_done_callback(self._wake)

    async def finish(self) -> None:
        """Wait for what is under way."""
        while self._under_way or self._answered:
            if self._under_way:
                await asyncio.wait(self._under_way)
            await self.settle()

    def _send(self, node: int, batches: Batches) -> None:
        handler = SendProduceReqHandler(self._sender, batches)
        connection = self._sender.client._conns.get((node, 0))
        if connection is not None and connection.connected():
            try:
                answer = connection.send(handler.create_request())
            except KafkaError:
                pass  # it closed just now: the client connects again
            else:
                handler._client = _AnsweredClient(self._sender.client, connection, answer)
                self._under_way.add(answer)
                answer.take = partial(self._arrived, node, batches, handler)
                answer.add_done_callback(answer.take)  # also of a failure
                return
        self._start(self._by_handler(node, batches, handler))

    def _arrived(self, node: int, batches: Batches, handler: SendProduceReqHandler, answer: connections.Answer) -> None:
        if answer not in self._under_way:
            return  # taken at once
        self._under_way.remove(answer)
        answer.take = None  # else both would hold each other, and the records, until the collector comes
        again: SendProduceReqHandler | None = handler
        try:
            if _went_well(answer):
                handler.handle_response(answer.result())  # who waits for these records is told
                again = None
        except Exception as error:
            self._failure = error
        self._answered.append(_Answered(node, batches, again))
        self._wake()

    async def _by_handler(self, node: int, batches: Batches, handler: SendProduceReqHandler) -> None:
        await handler.do(node)
        self._free(node, batches)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Future[None]") -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._wake()

    def _free(self, node: int, batches: Batches) -> None:
        self._sender._in_flight.remove(node)
        self._sender._muted_partitions.difference_update(batches)
        self._wake()

    def _wake(self, _: Any = None) -> None:
        wake(self._records.waiter())


def _went_well(answer: "asyncio.Future[Any]") -> bool:
    """Whether every partition was written."""
    if answer.cancelled() or answer.exception() is not None:
        return False
    return not any(told[1] for _, partitions in answer.result().topics for told in partitions)


def append_now(
    producer: AIOKafkaProducer,
    topic: str,
    *,
    key: bytes | None,
    value: bytes | None,
    headers: list[tuple[str, bytes]],
    partition: int | None,
) -> "asyncio.Future[Any] | None":
    """What ``AIOKafkaProducer.send`` returns, without its three coroutines; None where it has something to wait for or
    to refuse, and nothing is done."""
    if getattr(producer._sender, _DESK, None) is None:
        return None
    records = producer._message_accumulator
    if records._closed or records._exception is not None:
        return None
    if partition not in (producer._metadata.partitions_for_topic(topic) or ()):
        return None
    size = DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, headers)
    if size > producer._max_request_size or (key is None and value is None):
        return None
    at = TopicPartition(topic, partition)
    waiting = records._batches.get(at)
    batch = waiting[-1] if waiting else records._append_batch(records.create_builder(), at)
    appended: asyncio.Future[Any] | None = batch.append(key, value, None, headers=headers)  # None: it is full
    return appended


def send_now(producer: AIOKafkaProducer) -> None:
    """Send what waits at once, and not in the loop's next turn, if nothing is under way that it could wait for."""
    desk = getattr(producer._sender, _DESK, None)
    if desk is not None and not producer._sender._in_flight:
        desk.hand_out()


def install() -> None:
    """Let every producer of the process send like this from now on; again changes nothing."""
    connections.install()  # whose answers are futures
    Sender._sender_routine = _routine


_routine_with_tasks = Sender._sender_routine


async def _routine(self: Sender) -> None:
    """See ``Sender._sender_routine``; a producer with transactions, or an idempotent one, works as ever."""
    if self._txn_manager is not None:
        await _routine_with_tasks(self)
        return
    desk = _Desk(self)
    setattr(self, _DESK, desk)
    try:
        while True:
            await desk.settle()
            desk.hand_out()
            await self._message_accumulator.waiter()
    except asyncio.CancelledError:
        await desk.finish()
    except Exception as error:
        log.exception("the sender of a producer failed")
        raise KafkaError("the sender of this producer failed") from error
