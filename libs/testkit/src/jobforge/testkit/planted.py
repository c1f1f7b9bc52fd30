"""Searches what a plane keeps for texts that a test has planted."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer
from redis.asyncio import Redis


async def topics_with(bootstrap: str, *texts: str) -> tuple[set[str], Counter[str]]:
    """The topics that hold one of the texts in key, value or headers, and how many records each topic has."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    holding: set[str] = set()
    counted: Counter[str] = Counter()
    try:
        consumer.subscribe(pattern="^jobforge\\..*")
        while not consumer.assignment():
            await consumer._client.force_metadata_update()
            await consumer.getmany(timeout_ms=100)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(at) < end for at, end in ends.items()]):
            for at, records in (await consumer.getmany(timeout_ms=200)).items():
                counted[at.topic] += len(records)
                if any(_holds(b"".join(_parts(record)), texts) for record in records):
                    holding.add(at.topic)
    finally:
        await consumer.stop()
    return holding, counted


def _parts(record: Any) -> list[bytes]:
    """Everything in a record that could hold text."""
    return [record.key or b"", record.value or b"", *(value or b"" for _, value in record.headers)]


async def redis_with(url: str, *texts: str) -> list[str]:
    """Keys that hold one of the texts, in their name or their value."""
    redis = Redis.from_url(url)
    found = []
    async for key in redis.scan_iter():
        if _holds(key + b" " + (await redis.dump(key) or b""), texts):
            found.append(key.decode())
    await redis.aclose()
    return found


def _holds(data: bytes, texts: Iterable[str]) -> bool:
    return any(text.encode() in data for text in texts)
