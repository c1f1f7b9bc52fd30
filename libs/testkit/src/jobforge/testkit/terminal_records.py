"""How often the log says that a run has ended, which a test counts when something was killed."""

from uuid import UUID

from aiokafka import AIOKafkaConsumer

from jobforge.contracts.runs import RUN_RECORDS, RunFailed, RunSucceeded


async def terminal_records(bootstrap: str) -> dict[UUID, int]:
    """How many terminal records the log holds for each run."""
    consumer = AIOKafkaConsumer("jobforge.runs", bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    counted: dict[UUID, int] = {}
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(at) < end for at, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    message = RUN_RECORDS.validate_json(record.value)
                    if isinstance(message, RunSucceeded | RunFailed):
                        counted[message.run_id] = counted.get(message.run_id, 0) + 1
    finally:
        await consumer.stop()
    return counted
