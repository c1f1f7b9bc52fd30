"""What a broker that freezes, restarts or stays away does to workers under load."""

import asyncio

import httpx
import pytest

from jobforge.testkit.workers import Workers


async def test_a_broker_frozen_for_20_seconds_under_load_loses_no_run_and_work_goes_on_within_10(
    workers: Workers,
) -> None:
    """Jobs that ran while nothing could be written still end, and so does what is requested afterwards."""
    await workers.services.start("echo", "scheduler")
    ids = await workers.ask(300, sleep=1)
    workers.plane.kafka.pause()
    await asyncio.sleep(20)
    workers.plane.kafka.resume()
    ids += await asyncio.wait_for(workers.ask(1), 10)
    await workers.ended(ids[-1:], timeout=10)
    await workers.ended(ids)
    assert "Traceback" not in workers.log("echo")


async def test_a_restarted_broker_finds_its_workers_alive_and_at_work(workers: Workers) -> None:
    """The consumers notice by themselves: nobody restarts a worker."""
    await workers.services.start("echo", "scheduler")
    ids = await workers.ask(200, sleep=1)
    await asyncio.to_thread(workers.plane.kafka.stop)
    await asyncio.to_thread(workers.plane.kafka.start)
    ids += await workers.ask(20)
    await workers.ended(ids)
    async with httpx.AsyncClient() as http:
        for check in ("livez", "readyz"):
            answer = await http.get(f"{workers.services['echo'].url}/{check}")
            assert answer.status_code == 200, answer.text
    assert "Traceback" not in workers.log("echo")


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_a_worker_stops_within_its_grace_period_with_kafka_dead(workers: Workers, how: str) -> None:
    """Outcomes cannot be written and the group cannot be left; the process ends all the same, the runs later."""
    await workers.services.start("echo", "scheduler")
    done = await workers.ask(1)
    ids = await workers.ask(100, sleep=1)
    await workers.ended(done)
    kafka = workers.plane.kafka
    kafka.kill() if how == "killed" else kafka.pause()
    workers.services["echo"].terminate()
    assert await workers.services["echo"].ended(timeout=60) < 25
    assert "Traceback" not in workers.log("echo")
    kafka.resume()
    await asyncio.to_thread(kafka.start)
    await workers.services.start("echo", "scheduler")
    await workers.ended(ids)


async def test_a_worker_stops_within_its_grace_period_whatever_its_jobs_do(workers: Workers) -> None:
    """Jobs that ignore cancellation, or sit in a thread or a child, do not hold the exit."""
    await workers.services.start("echo", "scheduler")
    for behave in ("stubborn", "thread", "block"):
        await workers.ask(3, behave=behave)
    await workers.ended(await workers.ask(1))
    workers.services["echo"].terminate()
    assert await workers.services["echo"].ended() < 25
