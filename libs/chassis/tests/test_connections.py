"""Answers of a broker reach those who wait for them, however they arrive; and nobody waits for one that cannot come."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest

from jobforge.chassis.connections import install
from jobforge.testkit.waiting import until

Write = Callable[[bytes], Awaitable[None]]
Play = Callable[[list[bytes], Write], Awaitable[None]]
"""What a broker does with the answers to the requests it was sent so far."""


def answer_to(request: bytes) -> bytes:
    """A frame that tells as many API versions as the request's correlation id is large."""
    number = int.from_bytes(request[4:8], "big")
    versions = b"".join(key.to_bytes(2, "big") + b"\0\0\0\1" for key in range(number))
    body = request[4:8] + b"\0\0" + number.to_bytes(4, "big") + versions
    return len(body).to_bytes(4, "big") + body


@asynccontextmanager
async def connected(play: Play, *, expecting: int, timeout_ms: int = 10_000) -> AsyncIterator[AIOKafkaConnection]:
    """A connection to a broker that negotiates, and ``play``s once so many more requests have come."""
    install()
    install()
    serving: list[asyncio.Task[Any] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())

        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        answers: list[bytes] = []
        for count in range(1 + expecting):
            size = int.from_bytes(await reader.readexactly(4), "big")
            answer = answer_to(await reader.readexactly(size))
            if count == 0:
                await write(answer)
            else:
                answers.append(answer)
        await play(answers, write)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    connection = AIOKafkaConnection(host, port, request_timeout_ms=timeout_ms)
    await connection.connect()
    try:
        yield connection
    finally:
        connection.close()
        for task in serving:
            if task is not None:
                task.cancel()
        server.close()


def asked(connection: AIOKafkaConnection, count: int) -> list["asyncio.Future[Any]"]:
    return [connection.send(ApiVersionRequest()) for _ in range(count)]


async def told(answers: list["asyncio.Future[Any]"]) -> list[int]:
    return [len(answer.api_versions) for answer in await asyncio.gather(*answers)]


@pytest.mark.parametrize("size", [1, 3, 4, 5, 11, 1000])
async def test_answers_in_pieces_of_any_size_reach_those_who_asked_in_order(size: int) -> None:
    """A packet may hold part of an answer, or several of them."""

    async def play(answers: list[bytes], write: Write) -> None:
        everything = b"".join(answers)
        for at in range(0, len(everything), size):
            await write(everything[at : at + size])
            await asyncio.sleep(0)
        await asyncio.Event().wait()

    async with connected(play, expecting=3) as connection:
        assert await told(asked(connection, 3)) == [2, 3, 4]
        assert connection.connected()


async def test_nobody_waits_for_a_broker_that_hangs_up_in_the_middle_of_an_answer() -> None:
    """The answer that came is one; the others are a lost connection."""

    async def play(answers: list[bytes], write: Write) -> None:
        await write(answers[0] + answers[1][:-1])

    async with connected(play, expecting=3) as connection:
        first, *others = asked(connection, 3)
        assert await told([first]) == [2]
        for other in others:
            with pytest.raises(KafkaConnectionError):
                await other
        assert not connection.connected()


@pytest.mark.parametrize("garbage", [b"\0\0\0\x08notanumb", b"\0\0\0\0", b"\0\0\0\x0a\0\0\0\2\0\0\0\0\0\x09"])
async def test_what_is_no_answer_closes_the_connection(garbage: bytes) -> None:
    """Another correlation id, nothing at all, and an answer that ends too early."""

    async def play(answers: list[bytes], write: Write) -> None:
        await write(garbage)
        await asyncio.Event().wait()

    async with connected(play, expecting=1) as connection:
        [answer] = asked(connection, 1)
        with pytest.raises(Exception, match=r".*"):
            await answer
        await until(lambda: not connection.connected())


async def test_an_answer_that_does_not_come_in_time_is_given_up() -> None:
    """aiokafka's client closes the connection then, so that the late answer meets nobody."""

    async def play(answers: list[bytes], write: Write) -> None:
        await asyncio.Event().wait()

    async with connected(play, expecting=1, timeout_ms=50) as connection:
        [answer] = asked(connection, 1)
        with pytest.raises(TimeoutError):
            await answer


async def test_an_answer_that_nobody_waits_for_any_more_is_skipped() -> None:
    """The next one reaches its own request."""

    async def play(answers: list[bytes], write: Write) -> None:
        for answer in answers:
            await write(answer)
        await asyncio.Event().wait()

    async with connected(play, expecting=2) as connection:
        first, second = asked(connection, 2)
        first.cancel()
        assert await told([second]) == [3]


async def just_closed() -> AIOKafkaConnection:
    """A connection whose transport has closed, and that has not been told yet."""
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    _, writer = await asyncio.open_connection(host, port)
    made: Any = AIOKafkaConnection(host, port)
    made._writer = writer
    writer.transport.abort()
    await asyncio.sleep(0)
    server.close()
    return made


def test_a_client_whose_broker_was_killed_never_stops_asking_for_metadata() -> None:
    """It did, without a word, and commits timed out for ever: the write must fail as aiokafka expects it to."""
    install()

    async def write() -> None:
        connection = await just_closed()
        with pytest.raises(KafkaConnectionError, match="closed"):
            await connection.send(ApiVersionRequest())
        assert not connection.connected()

    uvloop.run(write())
