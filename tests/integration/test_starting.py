"""What a service says and does when it starts on a plane that is not there, or not as it was told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from jobforge.native.ports import free_ports
from jobforge.native.processes import DidNotStart
from jobforge.testkit.workers import Workers


async def refused(workers: Workers, name: str, **variables: str) -> str:
    """What a service that does not start has logged."""
    with pytest.raises(DidNotStart, match="ended while starting"):
        await workers.services.start(name, timeout=50, **variables)
    return workers.log(name)


@pytest.mark.parametrize("name", ["echo", "ingestion", "manifest", "scheduler"])
async def test_another_partition_count_refuses_to_start_with_the_setting_to_change(workers: Workers, name: str) -> None:
    """One line, not a stack of frames."""
    said = await refused(workers, name, JOBFORGE_PARTITIONS="3")
    assert "service.refused" in said
    assert "set JOBFORGE_PARTITIONS=8" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("echo", "jobforge.jobs.echo"),
        ("ingestion", "jobforge.inbox.settler"),
        ("manifest", "jobforge.manifests"),
        ("scheduler", "jobforge.retry.30s"),
    ],
)
async def test_a_missing_topic_or_one_with_too_few_partitions_refuses_to_start_and_is_named(
    workers: Workers, name: str, topic: str
) -> None:
    """With what to do; nothing is read or written by a service that could lose half of it."""
    async with administering(workers) as admin:
        await admin.delete_topics([topic])
        said = await refused(workers, name)
        assert f"the topic {topic} does not exist: apply schemas/topics.yaml" in said

        await admin.create_topics([NewTopic(topic, 3, 1)])
        said = await refused(workers, name)
        assert f"the topic {topic} has 3 partitions and needs 8: kafka-topics.sh --alter --topic {topic}" in said
    assert said.count("service.refused") == 2
    assert "Traceback" not in said


@pytest.mark.parametrize("name", ["echo", "ingestion", "manifest", "scheduler"])
async def test_a_service_that_starts_before_kafka_waits_and_says_for_what(workers: Workers, name: str) -> None:
    """It becomes ready by itself when the broker is there."""
    await asyncio.to_thread(workers.plane.kafka.stop)
    service = workers.services.add(name)
    service.begin()
    with pytest.raises(DidNotStart, match="was not ready"):
        await service.ready(timeout=5)
    said = workers.log(name)
    assert "kafka.unreachable" in said
    assert "Traceback" not in said
    await asyncio.to_thread(workers.plane.kafka.start)
    await service.ready(timeout=30)


async def test_ingestion_starts_without_redis(workers: Workers) -> None:
    """What it accepts does not need it."""
    await workers.services.start("ingestion", JOBFORGE_REDIS_URL=nowhere())
    assert "Traceback" not in workers.log("ingestion")


async def test_the_view_waits_for_redis_and_says_so(workers: Workers) -> None:
    """The process lives on, and is not ready."""
    service = workers.services.add("manifest", JOBFORGE_REDIS_URL=nowhere())
    service.begin()
    with pytest.raises(DidNotStart, match=r'"redis":\{"status":"failing"'):
        await service.ready(timeout=6)
    assert service.alive
    assert "Traceback" not in workers.log("manifest")


@asynccontextmanager
async def administering(workers: Workers) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client that changes topics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=workers.plane.kafka_bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


def nowhere() -> str:
    """Where no Redis is."""
    return f"redis://127.0.0.1:{free_ports(1)[0]}/0"
