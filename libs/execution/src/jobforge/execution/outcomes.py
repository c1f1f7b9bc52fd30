"""Writes what happens to runs, and what cannot become one; nothing it is given is ever dropped."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from jobforge.chassis.wire import Headers, NotWritten, OutcomeUnknown, Publisher, Record
from jobforge.contracts.dead_letter import dead_letter_headers
from jobforge.contracts.identity import partition_of, run_key
from jobforge.contracts.runs import RunFailed, RunStarted, RunSucceeded
from jobforge.contracts.topics import MAX_MESSAGE_BYTES, RUNS
from jobforge.execution.runner import too_large

log = structlog.get_logger()

MAX_OUTCOME_BYTES = MAX_MESSAGE_BYTES - 64 * 1024
"""What an outcome may take, with room for key, headers and framing."""
LONGEST_PAUSE = 5.0
"""Seconds between two tries to publish."""


class Outcomes:
    """The log as the engine writes it."""

    def __init__(self, publisher: Publisher, partitions: int) -> None:
        self._publisher = publisher
        self._partitions = partitions

    async def started(self, started: RunStarted) -> None:
        """Say that an attempt began."""
        # Nothing waits for its acknowledgement: it shares the partition with the outcome, and so comes before it.
        key = run_key(started.tenant_id, started.run_id)
        with suppress(NotWritten):
            await self._publisher.send(
                RUNS.name, key=key, value=started.to_bytes(), partition=partition_of(key, self._partitions)
            )

    async def ended(self, outcome: RunSucceeded | RunFailed) -> None:
        """Write a run's end and wait for its acknowledgement."""
        key = run_key(outcome.tenant_id, outcome.run_id)
        value = outcome.to_bytes()
        if len(value) > MAX_OUTCOME_BYTES:
            value = too_large(outcome, len(value)).to_bytes()
        await self._publish(RUNS.name, key, value, (), partition_of(key, self._partitions))

    async def set_aside(self, record: Record, topic: str, reason: str, detail: str) -> None:
        """Put a record, untouched, on a topic for what cannot go on, with the reason in added headers."""
        headers = dead_letter_headers(
            record.headers,
            reason=reason,
            detail=detail,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp=record.timestamp,
            dead_at=datetime.now(UTC).isoformat(),
        )
        await self._publish(topic, record.key, record.value, headers, None)

    async def _publish(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers, at: int | None
    ) -> None:
        """Publish until it is acknowledged: an outcome is never dropped. Repeats are absorbed by the fold."""
        wait = 0.1
        while True:
            try:
                await self._publisher.publish(topic, key=key, value=value, headers=headers, partition=at)
                return
            except (NotWritten, OutcomeUnknown) as error:
                log.warning("publish.repeated", topic=topic, after=wait, error=str(error))
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_PAUSE)
