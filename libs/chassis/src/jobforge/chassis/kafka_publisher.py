"""Writes records through a broker's producer, every wait bounded."""

import asyncio
from functools import partial
from typing import Any, Literal

from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from jobforge.chassis.direct_sending import append_now, send_now
from jobforge.chassis.faststream_adapter import BoundedBroker, raw_producer
from jobforge.chassis.wire import Headers, NotWritten, OutcomeUnknown, Position, TooLargeToWrite


class KafkaPublisher:
    """Writes through the broker's producer; ``acks=all``, every wait bounded."""

    def __init__(self, broker: BoundedBroker, *, timeout: float) -> None:
        self._broker = broker
        self._timeout = timeout

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Position:
        """See ``wire.Publisher.publish``."""
        patience = _Patience()
        timer = asyncio.get_running_loop().call_later(self._timeout, patience.end)
        try:
            patience.sent = await self._hand_over(topic, key, value, headers, partition)
            send_now(raw_producer(self._broker))
            return _position(await patience.sent)
        except asyncio.CancelledError:
            if not patience.ended_it():
                raise
        except KafkaError as error:
            raise _failure(error) from error
        finally:
            timer.cancel()
        if patience.gave_up == "handing over":
            raise NotWritten(f"{topic}: Kafka was not reached within {self._timeout:g} s")
        raise OutcomeUnknown(f"{topic}: no acknowledgement within {self._timeout:g} s")

    async def send(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> "asyncio.Future[Position]":
        """See ``wire.Publisher.send``."""
        sent = await self._hand_over(topic, key, value, headers, partition)
        answer: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        sent.add_done_callback(partial(_answer, answer))
        return answer

    async def _hand_over(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers, partition: int | None
    ) -> "asyncio.Future[Any]":
        producer, said = raw_producer(self._broker), list(headers)
        sent = append_now(producer, topic, key=key, value=value, headers=said, partition=partition)
        if sent is None:
            try:
                sent = await producer.send(topic, key=key, value=value, headers=said, partition=partition)
            except KafkaError as error:
                raise _not_written(error, topic) from error
        return sent


class _Patience:
    """How long one publish may take: ``asyncio.timeout`` at a fifth of its price, for what every hop of a job does."""

    __slots__ = ("_before", "_task", "gave_up", "sent")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._before = task.cancelling()
        self.sent: asyncio.Future[Any] | None = None
        self.gave_up: Literal["handing over", "waiting"] | None = None

    def end(self) -> None:
        """The time is over: give up what is waited for."""
        if self.sent is None:
            self.gave_up = "handing over"
            self._task.cancel()
        else:
            self.gave_up = "waiting"
            self.sent.cancel()

    def ended_it(self) -> bool:
        """Whether a cancellation came from here and from nobody else."""
        if self.gave_up is None:
            return False
        cancelling = self._task.uncancel() if self.gave_up == "handing over" else self._task.cancelling()
        return cancelling <= self._before


def _answer(answer: "asyncio.Future[Position]", sent: "asyncio.Future[Any]") -> None:
    error = None if sent.cancelled() else sent.exception()
    if answer.done():
        return
    if sent.cancelled():
        answer.cancel()
    elif error is None:
        answer.set_result(_position(sent.result()))
    else:
        answer.set_exception(_failure(error) if isinstance(error, KafkaError) else error)
        answer.exception()  # nobody needs to await it


def _position(at: Any) -> Position:
    return Position(at.topic, at.partition, at.offset)


def _failure(error: KafkaError) -> NotWritten | OutcomeUnknown:
    """aiokafka reports a request that timed out as an error of the batch: it may have arrived."""
    return OutcomeUnknown(repr(error)) if error.retriable else _not_written(error)


def _not_written(error: KafkaError, topic: str | None = None) -> NotWritten:
    """For ever, or for as long as Kafka is away."""
    said = f"{topic}: {error!r}" if topic else repr(error)
    too_large = isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError)
    return TooLargeToWrite(said) if too_large else NotWritten(said)
