"""What is due later, on real Kafka and Valkey: retries that wait, and runs that no worker ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from aiokafka import ConsumerRecord

from jobforge.chassis import view
from jobforge.chassis.settings import Settings
from jobforge.chassis.wire import Partition, Position
from jobforge.contracts.delivery import Delivery
from jobforge.contracts.identity import partition_of, run_key
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RUN_RECORDS, RunCanceled, RunFailed
from jobforge.scheduler.app import create_app
from jobforge.scheduler.verdicts import Patience
from jobforge.testkit.builders import job_requested
from jobforge.testkit.view_by_hand import ViewByHand
from jobforge.testkit.waiting import until
from jobforge.testkit.workers import Workers

JOBS, SLOW, RUNS, RETRY = "jobforge.jobs.echo", "jobforge.jobs.echo.slow", "jobforge.runs", "jobforge.retry.5s"
HASTE = Patience(
    every=timedelta(seconds=0.1),
    unsettled=timedelta(seconds=1),
    past_deadline=timedelta(seconds=1),
    unstarted=timedelta(seconds=1),
)


@pytest.fixture
async def by_hand(workers: Workers) -> AsyncIterator[ViewByHand]:
    """The view's part about unfinished runs, in the plane's Valkey."""
    redis = view.connect(workers.plane.redis_url)
    yield ViewByHand(redis, partitions=workers.plane.partitions)
    await redis.aclose()


@asynccontextmanager
async def hasty(workers: Workers) -> AsyncIterator[None]:
    """A scheduler of little patience, in this process."""
    plane = workers.plane
    settings = Settings(kafka_bootstrap=plane.kafka_bootstrap, redis_url=plane.redis_url, partitions=plane.partitions)
    async with create_app(settings, HASTE).start_lifespan_context():
        yield


async def accepted(workers: Workers, by_hand: ViewByHand) -> JobRequested:
    """A request is accepted a minute ago and folded, and the view stands at the ends of the log."""
    request = job_requested().model_copy(update={"requested_at": datetime.now(UTC) - timedelta(minutes=1)})
    key = run_key(request.tenant_id, request.run_id)
    partition = partition_of(key, workers.plane.partitions)
    at = await workers.kafka.publisher.publish(
        JOBS, key=key, value=request.to_bytes(), headers=(("x", b"\xff"),), partition=partition
    )
    await by_hand.accepted(request, Position(*at))
    every = [Partition(topic, number) for topic in (RUNS, JOBS, SLOW) for number in range(workers.plane.partitions)]
    await by_hand.reached(await workers.kafka.ends(every))
    return request


async def the_end(workers: Workers, run_id: UUID) -> RunCanceled | RunFailed:
    """The run's first terminal record."""
    found: list[RunCanceled | RunFailed] = []

    async def came() -> bool:
        parsed = [RUN_RECORDS.validate_json(record.value or b"") for record in await workers.read(RUNS)]
        found[:] = [r for r in parsed if isinstance(r, RunCanceled | RunFailed) and r.run_id == run_id]
        return bool(found)

    await until(came, timeout=30, every=0.2)
    return found[0]


async def put_aside(
    workers: Workers, key: bytes, seconds: float, *, headers: tuple[tuple[str, bytes], ...] = ()
) -> int:
    """A worker lets a record wait on partition 0; returns when it is due (ms since the epoch)."""
    due = datetime.now(UTC) + timedelta(seconds=seconds)
    waits = Delivery(attempt=2, not_before=due, return_to=JOBS, error="x.broke").headers(headers)
    await workers.kafka.publisher.publish(RETRY, key=key, value=b"\x00not read\xff", headers=waits, partition=0)
    return int(due.timestamp() * 1000)


async def came_back(workers: Workers, count: int, timeout: float = 30) -> list[ConsumerRecord[bytes, bytes]]:
    """Wait until at least so many records stand on the jobs topic."""
    found: list[ConsumerRecord[bytes, bytes]] = []

    async def enough() -> bool:
        found[:] = await workers.read(JOBS)
        return len(found) >= count

    await until(enough, timeout=timeout, every=0.1)
    return found


async def test_a_waiting_record_comes_back_untouched_and_not_before_its_time(workers: Workers) -> None:
    """Bytes and foreign headers as they were, on the same partition, and its offset committed only then."""
    await workers.services.start("scheduler")
    foreign = (("traceparent", b"00-01-02-01"), ("x", b"\xff"), ("x", b""))
    due = await put_aside(workers, b"\x00key", 3, headers=foreign)
    (record,) = await came_back(workers, 1)
    assert record.timestamp >= due
    assert record.timestamp < due + 2000
    assert (record.partition, record.key, record.value) == (0, b"\x00key", b"\x00not read\xff")
    assert record.headers == (*foreign, ("jobforge-attempt", b"2"), ("jobforge-error", b"x.broke"))
    await until(lambda: committed(workers, 1), timeout=10)
    assert "Traceback" not in workers.log("scheduler")


async def committed(workers: Workers, offset: int) -> bool:
    """Whether the group committed that much of the retry partition."""
    return (await workers.kafka.committed("scheduler")).get(Partition(RETRY, 0), 0) >= offset


async def test_a_kill_of_the_scheduler_between_publish_and_commit_only_repeats(workers: Workers) -> None:
    """What was published and not committed comes twice, all else once, nothing never, and in order."""
    await workers.services.start("scheduler")
    keys = [f"acme:{number}".encode() for number in range(1000)]
    for key in keys:
        await put_aside(workers, key, max(0.1, 4 - int(key.split(b":")[1]) / 500))
    await came_back(workers, 1)
    workers.services["scheduler"].kill()
    moved = len(await workers.read(JOBS))
    held = (await workers.kafka.committed("scheduler")).get(Partition(RETRY, 0), 0)
    assert held <= moved
    await workers.services.start("scheduler")
    records = await came_back(workers, moved + len(keys) - held, timeout=60)
    assert [record.key for record in records] == keys[:moved] + keys[held:]


async def test_retries_wait_for_a_broker_that_is_away(workers: Workers) -> None:
    """What is due while nothing can be written comes back when it can, once or more, never not at all."""
    await workers.services.start("scheduler")
    for number in range(20):
        await put_aside(workers, str(number).encode(), 2)
    workers.plane.kafka.pause()
    await asyncio.sleep(6)
    workers.plane.kafka.resume()
    records = await came_back(workers, 20, timeout=40)
    assert {record.key for record in records} == {str(number).encode() for number in range(20)}
    assert "Traceback" not in workers.log("scheduler")


async def test_a_cancelled_queued_run_ends_though_no_worker_lives(workers: Workers, by_hand: ViewByHand) -> None:
    """Within seconds, also when the scheduler has only just started."""
    await workers.services.start("scheduler")
    request = await accepted(workers, by_hand)
    other = await accepted(workers, by_hand)
    await by_hand.canceled(request)
    end = await the_end(workers, request.run_id)
    assert isinstance(end, RunCanceled)
    assert (end.error.code, end.started_at) == ("job.canceled", None)
    assert end.request is not None
    assert (end.request.template_key, end.request.inputs) == (
        "echo.message.reply",
        {},
    )  # no echo said what is sensitive
    assert len(await workers.read(RUNS)) == 1
    assert run_key(other.tenant_id, other.run_id).decode() in await by_hand.open()
    assert "Traceback" not in workers.log("scheduler")


async def test_a_run_whose_worker_vanished_is_closed_after_its_deadline(workers: Workers, by_hand: ViewByHand) -> None:
    """Not while somebody holds a lease on it, and not before."""
    request = await accepted(workers, by_hand)
    deadline = datetime.now(UTC) + timedelta(seconds=1)
    await by_hand.lived(request, "running", started_at=datetime.now(UTC), deadline=deadline)
    await by_hand.leased(request, 6)
    free = time.time() + 5
    async with hasty(workers):
        end = await the_end(workers, request.run_id)
    assert isinstance(end, RunFailed)
    assert (end.error.code, end.worker, end.claim) == ("job.timeout", "w1", "c1")
    assert end.finished_at.timestamp() > free


async def test_an_accepted_request_that_was_passed_over_is_put_back_and_runs(
    workers: Workers, by_hand: ViewByHand
) -> None:
    """After a group's offset was moved by hand, the request comes to a worker all the same."""
    request = await accepted(workers, by_hand)
    (record,) = await workers.read(JOBS)
    await pass_over(workers)
    async with hasty(workers):
        again = (await came_back(workers, 2))[1]
        assert (again.partition, again.key, again.value, again.headers) == (
            record.partition,
            record.key,
            record.value,
            record.headers,
        )
    await workers.services.start("echo")
    assert (await workers.ended([request.run_id]))[request.run_id] == 1


async def pass_over(workers: Workers) -> None:
    """The workers' group is moved to the end of its topics, as an operator might."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(
        bootstrap_servers=workers.plane.kafka_bootstrap, group_id="jobs-echo", enable_auto_commit=False
    )
    await consumer.start()
    at = [TopicPartition(topic, number) for topic in (JOBS, SLOW) for number in range(workers.plane.partitions)]
    consumer.assign(at)
    await consumer.commit(await consumer.end_offsets(at))
    await consumer.stop()
