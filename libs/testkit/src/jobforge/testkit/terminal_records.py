"""What a topic holds from its beginning to its end, and how often it says that a run has ended."""

from collections import Counter
from uuid import UUID

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord

from jobforge.contracts.runs import RUN_RECORDS, RunFailed, RunSucceeded


async def records_of(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """Every record of a topic up to its end as it is now, in order within a partition."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    found: list[ConsumerRecord] = []
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(at) < end for at, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
    finally:
        await consumer.stop()
    return found


async def terminal_records(bootstrap: str) -> dict[UUID, int]:
    """How many terminal records the log holds for each run."""
    messages = [RUN_RECORDS.validate_json(record.value) for record in await records_of(bootstrap, "jobforge.runs")]
    return Counter(message.run_id for message in messages if isinstance(message, RunSucceeded | RunFailed))
