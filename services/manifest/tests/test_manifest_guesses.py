"""The view takes for granted that a row is not there yet; a process that does not remember it is told when it is."""

from uuid import uuid4

import pytest
from redis.asyncio import Redis

from jobforge.chassis.wire import Partition
from jobforge.contracts.identity import run_key
from jobforge.manifest import keys, store
from jobforge.manifest.batches import Batch
from jobforge.manifest.store import Applied, Step, Store
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.run_records import requested, started, succeeded
from jobforge.testkit.served_view import Serve, ServedView
from jobforge.testkit.waiting import until

RUNS = "jobforge.runs"
JOBS = "jobforge.jobs.echo"


async def held(service: ServedView, row: str, field: str) -> None:
    """Wait until the view holds this field."""
    await until(lambda: service.redis.hexists(row, field), 10)


async def test_another_body_under_a_key_is_rejected_by_a_process_that_does_not_remember_the_first(
    serve: Serve, log: MemoryLog
) -> None:
    """It was read before a restart."""
    run_id = uuid4()
    key, row = run_key("acme", run_id), keys.row("acme", run_id)
    async with serve() as before:
        await before.write(JOBS, requested(run_id), key)
        await held(before, row, "request")
        first = await before.redis.hget(row, "request")
    async with serve() as after_it:
        await after_it.write(JOBS, requested(run_id, inputs={"message": "other"}), key)
        await until(lambda: len(log.records("jobforge.rejected")) == 1, 10)
        assert await after_it.redis.hget(row, "request") == first


async def test_a_start_that_a_process_does_not_remember_is_in_the_manifest(serve: Serve) -> None:
    """A worker died after it, and the view's process was restarted before the run began again."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    async with serve() as before:
        await before.write(JOBS, requested(run_id), key)
        await before.write(RUNS, started(run_id, claim="c1"), key)
        await held(before, keys.row("acme", run_id), "run")
    async with serve() as after_it:
        await after_it.write(RUNS, started(run_id, claim="c2"), key)
        await after_it.write(RUNS, succeeded(run_id, claim="c2"), key)
        await held(after_it, keys.row("acme", run_id), "manifest")
        manifest = await after_it.http.get(f"/v1/runs/{run_id}/manifest", params={"tenant_id": "acme"})
    assert [attempt["outcome"] for attempt in manifest.json()["attempts"]] == ["lost", "succeeded"]


async def test_a_run_that_is_said_to_begin_after_its_end_keeps_its_manifest(serve: Serve) -> None:
    """By a worker that was asleep, to a process that does not remember the end."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    async with serve() as before:
        await before.write(JOBS, requested(run_id), key)
        await before.write(RUNS, succeeded(run_id), key)
        await held(before, keys.row("acme", run_id), "manifest")
        ended = await before.http.get(f"/v1/runs/{run_id}/manifest", params={"tenant_id": "acme"})
    async with serve() as after_it:
        await after_it.write(RUNS, started(run_id, claim="c2"), key)
        await after_it.write(RUNS, succeeded(run_id, claim="c2"), key)

        async def counted() -> bool:
            answer = await after_it.http.get(f"/v1/runs/{run_id}/manifest", params={"tenant_id": "acme"})
            return bool(answer.json() == {**ended.json(), "duplicates": 1})

        await until(counted, 10)


def step(number: int, *, before: int | None = None, absent: str | None = None, nowhere: tuple[str, ...] = ()) -> Step:
    """Writes a row of its own, unless this row holds a run, or one of these is there at all."""
    batch = Batch()
    batch.add("", "HSET", f"row-{number}", "run", "x" * 100)
    batch.changed[f"row-{number}"] = None
    return Step(Partition(RUNS, number), before, 5, batch, [] if absent is None else [(absent, "run")], nowhere)


@pytest.mark.parametrize("size", [1, 300, store.SCRIPT_BYTES])
async def test_a_step_that_is_refused_leaves_those_beside_it_alone(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """In however many scripts they are sent: each has its own answer, and changes everything or nothing."""
    monkeypatch.setattr(store, "SCRIPT_BYTES", size)
    view = Store(redis)
    await redis.hset("row-7", "cancel", "1")
    steps = [
        step(0),
        step(1, before=3),
        step(2, absent="row-0"),
        step(3, absent="row-9"),
        step(4, nowhere=("row-9", "row-7")),
        step(5, nowhere=("row-9", "row-8")),
    ]
    assert await view.apply(steps) == [
        Applied("done", 5),
        Applied("gap", None),
        Applied("mistaken", None),
        Applied("done", 5),
        Applied("mistaken", None),
        Applied("done", 5),
    ]
    assert sorted(await redis.keys("row-*")) == [b"row-0", b"row-3", b"row-5", b"row-7"]
    assert await view.watermarks() == {"jobforge.runs/0": 5, "jobforge.runs/3": 5, "jobforge.runs/5": 5}
    await view.close()


async def test_one_message_announces_what_one_script_applied(redis: Redis) -> None:
    """A line for each step that was done; nothing is said when none was."""
    view = Store(redis)
    heard: list[bytes] = []
    async with redis.pubsub(ignore_subscribe_messages=True) as listener:
        await listener.subscribe(view.channel)
        await view.apply([step(0, before=3)])
        await view.apply([step(1), step(2)])

        async def hear() -> bool:
            message = await listener.get_message(timeout=1)
            heard.extend([message["data"]] if message else [])
            return bool(heard)

        await until(hear, 10)
    assert heard == [b"jobforge.runs/1 5 row-1\njobforge.runs/2 5 row-2"]
    await view.close()


async def test_nobody_is_told_of_what_it_applied_itself_while_others_are(redis: Redis) -> None:
    """It knows already, and would read each of its own announcements back; with another listener both are told."""
    view, heard = Store(redis), list[bytes]()
    async with redis.pubsub(ignore_subscribe_messages=True) as own, redis.pubsub() as other:

        async def hear() -> bool:
            message = await own.get_message(timeout=1)
            heard.extend([message["data"]] if message else [])
            return bool(heard)

        await own.subscribe(view.channel, view.own_channel)
        await view.apply([step(1)])
        await other.subscribe(view.channel)
        assert await other.get_message(timeout=5)
        await view.apply([step(2)])
        await until(hear, 10)
    assert heard == [b"jobforge.runs/2 5 row-2"]
    await view.close()
