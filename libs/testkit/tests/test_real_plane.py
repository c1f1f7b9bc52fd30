"""The real plane of the tests: what it holds after a reset, and what it survives."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition
from redis.asyncio import Redis

from jobforge.testkit.backends import Plane


async def _ends(plane: Plane, topic: str) -> dict[TopicPartition, int]:
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(bootstrap_servers=plane.kafka_bootstrap)
    await consumer.start()
    try:
        at = [TopicPartition(topic, number) for number in range(plane.partitions)]
        return dict(await consumer.end_offsets(at))
    finally:
        await consumer.stop()


async def _publish(plane: Plane, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=plane.kafka_bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, b"a", partition=0)


async def test_a_clean_plane_has_every_topic_and_nothing_in_redis(clean_plane: Plane) -> None:
    """Services find the topics of all domains, the testkit's echo among them, and an empty Redis."""
    admin = AIOKafkaAdminClient(bootstrap_servers=clean_plane.kafka_bootstrap)
    await admin.start()
    topics = set(await admin.list_topics())
    await admin.close()
    assert {"jobforge.runs", "jobforge.jobs.echo", "jobforge.jobs.settler", "jobforge.control"} <= topics
    async with Redis.from_url(clean_plane.redis_url) as redis:
        assert await redis.dbsize() == 0


async def test_a_reset_takes_records_and_rows_away(clean_plane: Plane) -> None:
    """No test sees what another wrote."""
    await _publish(clean_plane, "jobforge.runs")
    async with Redis.from_url(clean_plane.redis_url) as redis:
        await redis.set("a", "b")
        await clean_plane.reset()
        assert await redis.get("a") is None
    assert set((await _ends(clean_plane, "jobforge.runs")).values()) == {0}


async def test_servers_come_back_with_their_data_after_a_kill(clean_plane: Plane) -> None:
    """A killed Kafka or Valkey starts again at the same address with what it had acknowledged."""
    await _publish(clean_plane, "jobforge.runs")
    async with Redis.from_url(clean_plane.redis_url) as redis:
        await redis.set("a", "b")
    clean_plane.kafka.kill()
    clean_plane.valkey.stop()
    clean_plane.mend()
    assert sum((await _ends(clean_plane, "jobforge.runs")).values()) == 1
    async with Redis.from_url(clean_plane.redis_url) as redis:
        assert await redis.get("a") == b"b"


def test_kafka_started_from_a_threads_pool_lives_on_when_the_pool_ends(plane: Plane) -> None:
    """It was killed with the thread, and the next test found no broker; a reset right after it is not refused."""
    plane.kafka.stop()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(plane.kafka.start).result()
    asyncio.run(plane.reset())
    asyncio.run(_publish(plane, "jobforge.runs"))
