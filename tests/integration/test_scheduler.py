"""What is due later, on real Kafka and Valkey: retries that wait, and runs that no worker ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from aiokafka import ConsumerRecord

from jobforge.chassis.settings import Settings
from jobforge.chassis.wire import Partition
from jobforge.contracts.delivery import Delivery
from jobforge.contracts.identity import run_key
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RUN_RECORDS, RunCanceled, RunCancelRequested, RunFailed, RunRecord, RunStarted
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


@asynccontextmanager
async def hasty(workers: Workers) -> AsyncIterator[None]:
    """A scheduler of little patience, in this process."""
    plane = workers.plane
    settings = Settings(kafka_bootstrap=plane.kafka_bootstrap, redis_url=plane.redis_url, partitions=plane.partitions)
    async with create_app(settings, HASTE).start_lifespan_context():
        yield


async def accepted(workers: Workers, by_hand: ViewByHand) -> JobRequested:
    """A request was accepted a minute ago, and the view has it."""
    request = job_requested().model_copy(update={"requested_at": datetime.now(UTC) - timedelta(minutes=1)})
    key = run_key(request.tenant_id, request.run_id)
    partition = by_hand.partition(request)
    await workers.kafka.publisher.publish(
        JOBS, key=key, value=request.to_bytes(), headers=(("x", b"\xff"),), partition=partition
    )

    async def seen() -> bool:
        return key.decode() in await by_hand.open()

    await until(seen, timeout=15)
    return request


async def happened(workers: Workers, by_hand: ViewByHand, request: JobRequested, record: RunRecord) -> None:
    """Something happens to the run."""
    key = run_key(request.tenant_id, request.run_id)
    await workers.kafka.publisher.publish(RUNS, key=key, value=record.to_bytes(), partition=by_hand.partition(request))


async def the_end(workers: Workers, run_id: UUID, timeout: float = 30) -> RunCanceled | RunFailed:
    """The run's first terminal record."""
    found: list[RunCanceled | RunFailed] = []

    async def came() -> bool:
        parsed = [RUN_RECORDS.validate_json(record.value or b"") for record in await workers.read(RUNS)]
        found[:] = [r for r in parsed if isinstance(r, RunCanceled | RunFailed) and r.run_id == run_id]
        return bool(found)

    await until(came, timeout=timeout, every=0.2)
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
    await workers.services.start("manifest", "scheduler")
    request, other = await accepted(workers, by_hand), await accepted(workers, by_hand)
    asked = RunCancelRequested(run_id=request.run_id, tenant_id=request.tenant_id, at=datetime.now(UTC))
    await happened(workers, by_hand, request, asked)
    end = await the_end(workers, request.run_id)
    assert isinstance(end, RunCanceled)
    assert (end.error.code, end.started_at) == ("job.canceled", None)
    assert end.request is not None
    assert (end.request.template_key, end.request.inputs) == (
        "echo.message.reply",
        {},
    )  # no echo said what is sensitive
    await until(lambda: only_open(by_hand, other), timeout=10)
    assert len(await workers.read(RUNS)) == 2
    assert "Traceback" not in workers.log("scheduler")


async def only_open(by_hand: ViewByHand, request: JobRequested) -> bool:
    """Whether this run alone is still looked after."""
    return set(await by_hand.open()) == {run_key(request.tenant_id, request.run_id).decode()}


async def test_a_run_whose_worker_vanished_is_closed_after_its_deadline(workers: Workers, by_hand: ViewByHand) -> None:
    """Not while somebody holds a lease on it, and not before."""
    await workers.services.start("manifest")
    request = await accepted(workers, by_hand)
    now = datetime.now(UTC)
    started = RunStarted(
        run_id=request.run_id,
        tenant_id=request.tenant_id,
        attempt=1,
        claim="c1",
        worker="w1",
        started_at=now,
        deadline=now + timedelta(seconds=1),
    )
    await by_hand.leased(request, 6)
    free = time.time() + 5
    await happened(workers, by_hand, request, started)
    async with hasty(workers):
        end = await the_end(workers, request.run_id)
    assert isinstance(end, RunFailed)
    assert (end.error.code, end.worker, end.claim) == ("job.timeout", "w1", "c1")
    assert end.finished_at.timestamp() > free


async def test_an_accepted_request_that_was_passed_over_is_put_back_and_runs(
    workers: Workers, by_hand: ViewByHand
) -> None:
    """After a group's offset was moved by hand, the request comes to a worker all the same."""
    await workers.services.start("manifest")
    request = await accepted(workers, by_hand)
    (record,) = await workers.read(JOBS)
    await pass_over(workers)
    async with hasty(workers):
        again = (await came_back(workers, 2))[1]
    assert (again.partition, again.key, again.value) == (record.partition, record.key, record.value)
    assert again.headers == record.headers
    await workers.services.start("echo")
    assert (await workers.ended([request.run_id]))[request.run_id] == 1


async def test_a_run_whose_worker_was_killed_is_closed_while_no_other_worker_comes(
    workers: Workers, by_hand: ViewByHand
) -> None:
    """By the deadline that the worker said when it began, and after its lease is over."""
    await workers.services.start("manifest", "echo")
    request = job_requested({"message": "m", "sleep": 4}, attempts=3)
    await workers.request(request)
    await until(lambda: begun(workers), timeout=20, every=0.1)
    workers.services["echo"].kill()
    async with hasty(workers):
        end = await the_end(workers, request.run_id, timeout=80)
    assert isinstance(end, RunFailed)
    assert (end.error.code, end.attempt) == ("job.timeout", 1)
    assert end.request is not None
    assert end.request.inputs == request.inputs


async def begun(workers: Workers) -> bool:
    """Whether anything began."""
    return bool(await workers.read(RUNS))


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
