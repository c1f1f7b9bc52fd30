"""Empties a real Kafka and a real Redis between tests."""

import asyncio
from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError
from aiokafka.protocol.admin import DeleteGroupsRequest
from redis.asyncio import Redis

from jobforge.chassis.declared_topics import Declared
from jobforge.chassis.provision import connected, provision


async def reset_redis(url: str) -> None:
    """FLUSHALL, functions and scripts included."""
    client = Redis.from_url(url)
    try:
        await client.flushall()
        await client.script_flush()
    finally:
        await client.aclose()


async def reset_kafka(bootstrap: str, *, apps: Iterable[str], domains: Iterable[str], partitions: int) -> None:
    """Delete every ``jobforge.*`` topic and every consumer group, and apply the declared topics anew."""
    admin = await connected(bootstrap, "jobforge-testkit")
    try:
        topics = [name for name in await admin.list_topics() if name.startswith("jobforge.")]
        if topics:
            await admin.delete_topics(topics)
            async with asyncio.timeout(30):
                while set(topics) & set(await admin.list_topics()):  # noqa: ASYNC110 - it must be asked
                    await asyncio.sleep(0.05)
        await _delete_groups(admin)
    finally:
        await admin.close()
    await provision(bootstrap, Declared.of(apps=apps, domains=domains), partitions=partitions)


async def _delete_groups(admin: AIOKafkaAdminClient) -> None:
    """Groups that still have members stay: Kafka refuses, and a test that leaves one behind sees it soon enough."""
    for group, _ in await _groups(admin):
        node = await admin.find_coordinator(group)
        await admin._send_request_to_node(node, DeleteGroupsRequest([group]))


async def _groups(admin: AIOKafkaAdminClient) -> list[tuple[str, str]]:
    """Every consumer group; a broker that has just started is asked again until it has loaded them."""
    async with asyncio.timeout(30):
        while True:
            try:
                groups: list[tuple[str, str]] = await admin.list_consumer_groups()
            except (GroupLoadInProgressError, GroupCoordinatorNotAvailableError):
                await asyncio.sleep(0.1)
            else:
                return groups
