"""Single records and unread keys, looked up in a real log."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from jobforge.chassis.wire import Partition, Position, RecordGone
from jobforge.scheduler.log_lookup import LogLookup
from jobforge.testkit.waiting import until
from jobforge.testkit.workers import Workers

TOPIC = "jobforge.retry.5s"
AT = Partition(TOPIC, 2)


@pytest.fixture
async def lookup(workers: Workers) -> AsyncIterator[LogLookup]:
    """A look-up, and 1,200 records to find."""
    for number in range(1200):
        await workers.kafka.publisher.send(
            TOPIC, key=f"k{number}".encode(), value=b"\xff", headers=(("x", b"\xff"),), partition=2
        )
    await workers.kafka.publisher.publish(TOPIC, key=b"last", value=None, partition=2)
    async with LogLookup(workers.plane.kafka_bootstrap) as made:
        yield made


async def test_a_record_is_found_where_it_stands_and_nothing_where_none_does(lookup: LogLookup) -> None:
    """In any order, with its headers; beyond the end there is none."""
    for offset in (700, 3, 4, 1199, 1200):
        found = await lookup.record(Position(*AT, offset))
        assert (found.offset, found.key) == (offset, b"last" if offset == 1200 else f"k{offset}".encode())
    assert (await lookup.record(Position(*AT, 3))).headers == (("x", b"\xff"),)
    for offset in (1201, 5000):
        with pytest.raises(RecordGone):
            await lookup.record(Position(*AT, offset))


async def test_what_retention_took_is_gone_and_not_an_error(lookup: LogLookup, workers: Workers) -> None:
    """The run it asked for still ends."""
    admin = AIOKafkaAdminClient(bootstrap_servers=workers.plane.kafka_bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(*AT): RecordsToDelete(100)})
    await admin.close()
    with pytest.raises(RecordGone):
        await lookup.record(Position(*AT, 7))
    assert (await lookup.record(Position(*AT, 100))).key == b"k100"
    assert await lookup.unread({AT: (0, 1201)}, [b"k7", b"k100"], most=5000) == {b"k100"}


async def test_unread_keys_are_found_in_their_ranges_only(lookup: LogLookup) -> None:
    """From the first offset to before the last; what is too much to read counts as found."""
    other = Partition(TOPIC, 3)
    wanted = [b"k9", b"k10", b"k1199", b"last", b"none"]
    assert await lookup.unread({AT: (10, 1200), other: (0, 0)}, wanted, most=5000) == {b"k10", b"k1199"}
    assert await lookup.unread({AT: (10, 1201)}, wanted, most=5000) == {b"k10", b"k1199", b"last"}
    assert await lookup.unread({AT: (10, 1201)}, wanted, most=100) == set(wanted)
    assert await lookup.unread({}, wanted, most=100) == frozenset()


async def test_a_record_of_a_topic_that_was_deleted_or_made_anew_is_gone_and_nobody_waits_for_it(
    lookup: LogLookup, workers: Workers
) -> None:
    """Told at once, though the same connection has read that topic before."""
    topic = "jobforge.jobs.short-lived"
    admin = AIOKafkaAdminClient(bootstrap_servers=workers.plane.kafka_bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
        await until(lambda: is_there(workers, topic))
        await workers.kafka.publisher.publish(topic, key=b"old", value=b"v", partition=0)
        assert (await lookup.record(Position(topic, 0, 0))).key == b"old"
        assert (await lookup.record(Position(*AT, 3))).key == b"k3"
        await admin.delete_topics([topic])
        await until(lambda: is_not_there(workers, topic))
        async with asyncio.timeout(2):
            with pytest.raises(RecordGone):
                await lookup.record(Position(topic, 0, 0))
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
        await until(lambda: is_there(workers, topic))
        with pytest.raises(RecordGone):
            await lookup.record(Position(topic, 0, 0))
        assert await workers.kafka.bounds([Partition(topic, 0)]) == {Partition(topic, 0): (0, 0)}
    finally:
        await admin.delete_topics([topic])
        await admin.close()


async def is_there(workers: Workers, topic: str) -> bool:
    """Whether the topic exists, with a partition that somebody leads."""
    return await workers.kafka.partitions(topic) > 0


async def is_not_there(workers: Workers, topic: str) -> bool:
    """Whether the topic is gone."""
    return topic not in await workers.kafka.topics()
