"""aiokafka's connections, with answers taken where they arrive: no task waits for them, and no stream is in between.

Every hop of a job writes a request and waits for its answer, so that this is most of what Kafka costs a service.
"""

import asyncio
import logging
import weakref
from collections.abc import Callable
from io import BytesIO
from struct import Struct
from time import monotonic
from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

from jobforge.chassis.futures import give_up

log = logging.getLogger(__name__)

_HEAD = Struct(">ihhih")
"""What the request takes after this number, API key and version, correlation id, length of the client's id."""
_LENGTH = 4


class Answer(asyncio.Future[Any]):
    """The answer to a request. ``take`` is called with it the moment it is there, before any callback."""

    __slots__ = ("take", "timer")

    def __init__(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(loop=loop)
        self.take: Callable[[Answer], None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        """What gives it up in time."""

    def set_result(self, result: Any) -> None:
        """See ``asyncio.Future``."""
        super().set_result(result)
        if self.timer is not None:
            self.timer.cancel()
        if self.take is not None:
            self.take(self)


class Frames(asyncio.Protocol):
    """Takes answers out of what arrives, in place of aiokafka's stream, once the connection is made.

    ``stream`` is the protocol it replaces, which goes on to say whether the connection is up.
    """

    def __init__(self, connection: AIOKafkaConnection, stream: asyncio.StreamReaderProtocol) -> None:
        self._connection = weakref.ref(connection)  # one that is forgotten closes itself
        self._stream = stream
        self._held = bytearray()
        """The beginning of a frame of ``_needed`` bytes."""
        self._needed = 0

    def data_received(self, data: bytes) -> None:
        """Answer all requests whose answers are complete."""
        if self._held:
            self._held += data
            if len(self._held) < self._needed:
                return
            data = bytes(self._held)
            self._held.clear()
        connection = self._connection()
        if connection is None or connection._reader is None:
            return
        try:
            left = _frames(connection, data)
        except Exception as error:  # whatever it is, what follows cannot be read
            log.exception("an answer of Kafka could not be read")
            connection.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)
            return
        if left:
            self._held += left
            self._needed = _LENGTH + int.from_bytes(left[:_LENGTH], "big") if len(left) >= _LENGTH else _LENGTH

    def eof_received(self) -> None:
        """The broker hung up."""
        self._lost(EOFError("the broker closed the connection"))

    def connection_lost(self, error: Exception | None) -> None:
        """Whoever waits for an answer is told."""
        self._stream.connection_lost(error)
        self._lost(error)

    def pause_writing(self) -> None:
        """See ``asyncio.BaseProtocol``."""
        self._stream.pause_writing()

    def resume_writing(self) -> None:
        """See ``asyncio.BaseProtocol``."""
        self._stream.resume_writing()

    def _lost(self, error: Exception | None) -> None:
        connection = self._connection()
        if connection is not None:
            connection.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)


def install() -> None:
    """Let every connection of the process work like this from now on; again changes nothing."""
    AIOKafkaConnection.connect = _connect
    AIOKafkaConnection.send = _send


_connect_stream = AIOKafkaConnection.connect
_send_without_answer = AIOKafkaConnection.send


async def _connect(self: AIOKafkaConnection) -> Any:
    """See ``AIOKafkaConnection.connect``, which also negotiates versions and authenticates."""
    streams = await _connect_stream(self)
    self._read_task.cancel()
    self._writer.transport.set_protocol(Frames(self, self._protocol))
    return streams


def _send(self: AIOKafkaConnection, request: Any, expect_response: bool = True) -> Any:
    """See ``AIOKafkaConnection.send``: the answer, which is a ``TimeoutError`` when none comes in time."""
    if not expect_response:
        return _send_without_answer(self, request, expect_response)
    if self._writer is None:
        raise KafkaConnectionError(f"No connection to broker at {self._host}:{self._port}")
    asked = request.prepare(self._versions)
    number = self._next_correlation_id()
    try:
        self._writer.transport.write(_written(asked, number, self._client_id))
    except (OSError, RuntimeError) as closed:  # uvloop's word for it is RuntimeError
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"Connection at {self.host}:{self.port} closed: {closed}") from closed
    answer = Answer(loop=self._loop)
    answer.timer = self._loop.call_later(self._request_timeout, give_up, answer)
    self._requests.append((number, asked, answer))
    return answer


def _written(asked: Any, number: int, client: str) -> bytes:
    if asked.FLEXIBLE_VERSION:
        message: bytes = asked.build_request_header(correlation_id=number, client_id=client).encode() + asked.encode()
        return len(message).to_bytes(_LENGTH, "big") + message
    name, body = client.encode(), asked.encode()
    length = _HEAD.size - _LENGTH + len(name) + len(body)
    return b"".join((_HEAD.pack(length, asked.API_KEY, asked.API_VERSION, number, len(name)), name, body))


def _frames(connection: AIOKafkaConnection, data: bytes) -> bytes:
    """Answer the requests whose answers are here in full; returns the rest."""
    at, end = 0, len(data)
    while end - at >= _LENGTH:
        after = at + _LENGTH + int.from_bytes(data[at : at + _LENGTH], "big")
        if after > end:
            break
        _answer(connection, data[at + _LENGTH : after])
        if connection._reader is None:
            return b""
        at = after
    return data[at:]


def _answer(connection: AIOKafkaConnection, frame: bytes) -> None:
    """Answer the oldest request; what is in any way unusual is aiokafka's own affair."""
    number, asked, answer = connection._requests[0]
    usual = number is not None and not asked.FLEXIBLE_VERSION and number.to_bytes(4, "big") == frame[:4]
    if not usual or answer.done():
        connection._handle_frame(frame)
        return
    body = BytesIO(frame)
    body.seek(4)
    said = asked.RESPONSE_TYPE.decode(body)
    connection._last_action = monotonic()
    connection._requests.popleft()
    answer.set_result(said)
