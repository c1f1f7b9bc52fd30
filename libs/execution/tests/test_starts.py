"""Where the start of an attempt stands in the log, and what it costs."""

import asyncio
from collections.abc import Awaitable

from jobforge.chassis.traced import TraceScope, trace_scope
from jobforge.chassis.wire import Headers, Position, Publisher
from jobforge.execution.starts import StartsFirst
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.waiting import until

RUNS = "jobforge.runs"
KEY, OTHER = b"acme:1", b"acme:2"


def values(log: MemoryLog) -> list[bytes | None]:
    """Everything in the log, in its order."""
    return [record.value for record in log.records(RUNS)]


async def test_a_start_stands_before_whatever_else_is_said_of_its_run() -> None:
    """Also before what is only sent; another run's records do not bring it along."""
    log = MemoryLog({RUNS: 1})
    publisher = StartsFirst(log.publisher())
    await publisher.start(key=KEY, value=b"start", partition=0, wait=True)
    await publisher.publish(RUNS, key=OTHER, value=b"other", partition=0)
    assert values(log) == [b"other"]
    await (await publisher.send(RUNS, key=KEY, value=b"progress", partition=0))
    await publisher.publish(RUNS, key=KEY, value=b"end", partition=0)
    assert values(log) == [b"other", b"start", b"progress", b"end"]


async def test_a_start_that_nothing_follows_is_in_the_log_within_a_moment() -> None:
    """A long job is seen to run."""
    log = MemoryLog({RUNS: 1})
    await StartsFirst(log.publisher()).start(key=KEY, value=b"start", partition=0, wait=True)
    await until(lambda: values(log) == [b"start"])


async def test_a_start_that_must_not_wait_is_in_the_log_at_once() -> None:
    """Whoever looks for what crashes workers counts starts."""
    log = MemoryLog({RUNS: 1})
    await StartsFirst(log.publisher()).start(key=KEY, value=b"start", partition=0, wait=False)
    assert values(log) == [b"start"]


async def test_a_start_leaves_no_span_of_its_own() -> None:
    """Though what it travels with has one."""
    scopes: list[tuple[bytes | None, TraceScope | None]] = []
    inner = MemoryLog({RUNS: 1}).publisher()

    class Looking:
        async def publish(
            self,
            topic: str,
            *,
            key: bytes | None,
            value: bytes | None,
            headers: Headers = (),
            partition: int | None = None,
        ) -> Position:
            scopes.append((value, trace_scope.get()))
            return await inner.publish(topic, key=key, value=value, headers=headers, partition=partition)

        send = publish

    looking: Publisher = Looking()  # type: ignore[assignment]  # what is sent here is acknowledged at once
    publisher = StartsFirst(looking)
    scope = TraceScope("trace-1")
    token = trace_scope.set(scope)
    await publisher.start(key=KEY, value=b"start", partition=0, wait=True)
    await publisher.publish(RUNS, key=KEY, value=b"end", partition=0)
    trace_scope.reset(token)
    assert scopes == [(b"start", None), (b"end", scope)]


async def test_a_partition_that_takes_no_records_holds_up_its_own_starts_alone() -> None:
    """Starts of one partition are sent one after the other, those of two are not."""
    log = MemoryLog({RUNS: 2})
    inner, open_again = log.publisher(), asyncio.Event()

    class Blocked:
        publish = inner.publish

        async def send(
            self,
            topic: str,
            *,
            key: bytes | None,
            value: bytes | None,
            headers: Headers = (),
            partition: int | None = None,
        ) -> Awaitable[Position]:
            if partition == 0:
                await open_again.wait()
            return await inner.send(topic, key=key, value=value, headers=headers, partition=partition)

    publisher = StartsFirst(Blocked())
    for number in range(4):
        await publisher.start(key=b"acme:%d" % number, value=b"%d" % number, partition=number % 2, wait=True)
    await until(lambda: values(log) == [b"1", b"3"])
    open_again.set()
    await until(lambda: values(log) == [b"0", b"2", b"1", b"3"])
