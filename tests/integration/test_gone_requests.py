"""Runs whose requests a real log holds no more: each ends, and stops nobody else from being looked after."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from jobforge.chassis.settings import Settings
from jobforge.contracts.identity import run_key
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RUN_RECORDS, RunStarted
from jobforge.scheduler.app import create_app
from jobforge.scheduler.verdicts import Patience
from jobforge.testkit.builders import job_requested
from jobforge.testkit.view_by_hand import ViewByHand
from jobforge.testkit.waiting import until
from jobforge.testkit.workers import Workers

JOBS, SLOW, RUNS = "jobforge.jobs.echo", "jobforge.jobs.echo.slow", "jobforge.runs"
HASTE = Patience(
    every=timedelta(seconds=0.1),
    unsettled=timedelta(seconds=1),
    past_deadline=timedelta(seconds=1),
    unstarted=timedelta(seconds=1),
    waiting=timedelta(seconds=0.5),
)


@pytest.fixture
async def admin(workers: Workers) -> AsyncIterator[AIOKafkaAdminClient]:
    """Somebody who may delete."""
    made = AIOKafkaAdminClient(bootstrap_servers=workers.plane.kafka_bootstrap)
    await made.start()
    yield made
    await made.close()


@asynccontextmanager
async def hasty(workers: Workers) -> AsyncIterator[None]:
    """A scheduler of little patience, in this process."""
    plane = workers.plane
    settings = Settings(kafka_bootstrap=plane.kafka_bootstrap, redis_url=plane.redis_url, partitions=plane.partitions)
    async with create_app(settings, HASTE).start_lifespan_context():
        yield


async def accepted(workers: Workers, by_hand: ViewByHand, topic: str = JOBS) -> JobRequested:
    """A request was accepted a minute ago, and the view has it."""
    request = job_requested().model_copy(update={"requested_at": datetime.now(UTC) - timedelta(minutes=1)})
    key, number = run_key(request.tenant_id, request.run_id), by_hand.partition(request)
    await workers.kafka.publisher.publish(topic, key=key, value=request.to_bytes(), partition=number)

    async def seen() -> bool:
        return key.decode() in await by_hand.open()

    await until(seen, timeout=15)
    return request


async def ends(workers: Workers) -> dict[UUID, list[str]]:
    """The codes of all terminal records, by run."""
    found: dict[UUID, list[str]] = {}
    for record in await workers.read(RUNS):
        parsed = RUN_RECORDS.validate_json(record.value or b"")
        if parsed.type == "RunFailed":
            found.setdefault(parsed.run_id, []).append(parsed.error.code)
    return found


async def test_a_request_that_retention_took_before_any_worker_came_ends_its_run_once(
    workers: Workers, by_hand: ViewByHand, admin: AIOKafkaAdminClient
) -> None:
    """The group never commits past it; a later request, which the log still holds, waits on."""
    await workers.services.start("manifest")
    gone = await accepted(workers, by_hand)
    (record,) = await workers.read(JOBS)
    await admin.delete_records({TopicPartition(JOBS, record.partition): RecordsToDelete(record.offset + 1)})
    waits = await accepted(workers, by_hand)

    async def closed() -> bool:
        return set(await by_hand.open()) == {run_key(waits.tenant_id, waits.run_id).decode()}

    async with hasty(workers):
        await until(closed, timeout=40, every=0.2)
    assert await ends(workers) == {gone.run_id: ["job.lost"]}
    assert len(await workers.read(JOBS)) == 1


async def test_a_deleted_jobs_topic_loses_its_own_run_and_stops_no_other_from_being_closed(
    workers: Workers, by_hand: ViewByHand, admin: AIOKafkaAdminClient
) -> None:
    """Whichever partitions they are in."""
    await workers.services.start("manifest")
    gone = await accepted(workers, by_hand, SLOW)
    others = [await accepted(workers, by_hand) for _ in range(6)]
    now = datetime.now(UTC)
    for other in others:
        started = RunStarted(
            run_id=other.run_id,
            tenant_id=other.tenant_id,
            attempt=1,
            claim="c1",
            worker="w1",
            started_at=now,
            deadline=now + timedelta(seconds=1),
        )
        key = run_key(other.tenant_id, other.run_id)
        number = by_hand.partition(other)
        await workers.kafka.publisher.publish(RUNS, key=key, value=started.to_bytes(), partition=number)
    await admin.delete_topics([SLOW])

    async def all_closed() -> bool:
        return not await by_hand.open()

    async with hasty(workers):
        await until(all_closed, timeout=60, every=0.2)
    assert await ends(workers) == {gone.run_id: ["job.lost"], **{run.run_id: ["job.timeout"] for run in others}}
