"""Waits until all usage that was accepted before a moment is stored."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from jobforge.keys.errors import UsageBehind, UsageLogUnavailable
from jobforge.keys.feed import GROUP, TOPIC

Bounds = Mapping[int, tuple[int, int]]
"""First offset and the one after the last, by partition."""
PATIENCE = 30.0
"""Seconds that a job waits for the feed before it is tried again later."""
LOOK_EVERY = 0.1
ASK_TIMEOUT = 10.0


class UsageLog:
    """The events topic and the feed's commits. A connection lasts as long as one wait."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    async def stored(self) -> None:
        """Return when what the topic holds now is stored; raises ``UsageBehind`` or ``UsageLogUnavailable``."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, request_timeout_ms=int(ASK_TIMEOUT * 1000))
        try:
            async with asyncio.timeout(ASK_TIMEOUT):
                bounds = await self._bounds()
                await admin.start()
            missing = await self._wait(admin, bounds)
        except (KafkaError, OSError) as error:
            raise UsageLogUnavailable(
                f"Kafka did not say how far {TOPIC} goes ({error!r:.200}): see whether it runs"
            ) from error
        finally:
            await admin.close()
        if missing:
            raise UsageBehind(
                f"{missing} usage events that came before this job are not stored after {PATIENCE:g} s: "
                "see whether the keys service keeps up (its log, and the lag of the group keys-usage)",
                after=timedelta(seconds=5),
            )

    async def _bounds(self) -> Bounds:
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False)
        try:
            await consumer.start()
            metadata = await consumer._client.fetch_all_metadata()
            partitions = [TopicPartition(TOPIC, number) for number in metadata.partitions_for_topic(TOPIC) or ()]
            first, end = await asyncio.gather(consumer.beginning_offsets(partitions), consumer.end_offsets(partitions))
        finally:
            await consumer.stop()
        return {at.partition: (first[at], end[at]) for at in partitions}

    async def _wait(self, admin: AIOKafkaAdminClient, bounds: Bounds) -> int:
        until = asyncio.get_running_loop().time() + PATIENCE
        while True:
            async with asyncio.timeout(ASK_TIMEOUT):
                held = await admin.list_consumer_group_offsets(GROUP)
            missing = behind(bounds, {at.partition: each.offset for at, each in held.items() if at.topic == TOPIC})
            if not missing or asyncio.get_running_loop().time() > until:
                return missing
            await asyncio.sleep(LOOK_EVERY)


def behind(bounds: Bounds, committed: Mapping[int, int]) -> int:
    """How many records below these ends are not covered by a group's commits (-1 for none)."""
    return sum(end - min(end, max(first, committed.get(number, -1))) for number, (first, end) in bounds.items())
