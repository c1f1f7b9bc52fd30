"""Writes what happens to runs, and where records go on; nothing it is given is ever dropped."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from jobforge.chassis.telemetry import TRACEPARENT
from jobforge.chassis.wire import Headers, NotWritten, OutcomeUnknown, Position, Record, TooLargeToWrite
from jobforge.contracts.dead_letter import aside
from jobforge.contracts.delivery import Delivery
from jobforge.contracts.identity import partition_of, run_key
from jobforge.contracts.reading import Unreadable
from jobforge.contracts.runs import RunStarted
from jobforge.contracts.topics import MAX_MESSAGE_BYTES, RUNS
from jobforge.execution.starts import StartsFirst

log = structlog.get_logger()

MAX_OUTCOME_BYTES = MAX_MESSAGE_BYTES - 64 * 1024
"""What an outcome may take, with room for key, headers and framing."""
TOO_LARGE = "record.too_large"
LONGEST_PAUSE = 5.0
"""Seconds between two tries to publish."""


class Place(NamedTuple):
    """The key and the partition of everything about a run."""

    key: bytes
    partition: int


class Outcomes:
    """The log as the engine writes it."""

    def __init__(self, publisher: StartsFirst, partitions: int) -> None:
        self._publisher = publisher
        self._partitions = partitions

    def place(self, tenant_id: str, run_id: UUID) -> Place:
        """Where the records of a run stand."""
        key = run_key(tenant_id, run_id)
        return Place(key, partition_of(key, self._partitions))

    async def started(self, at: Place, started: RunStarted, *, wait: bool) -> None:
        """Say that an attempt began; ``wait`` lets it wait a moment for what follows."""
        await self._publisher.start(key=at.key, value=started.to_bytes(), partition=at.partition, wait=wait)

    async def happened(self, at: Place, value: bytes) -> None:
        """Write a record of a run and wait for its acknowledgement."""
        await self._publish(RUNS.name, at.key, value, (), at.partition)

    async def passed_on(self, record: Record, topic: str, delivery: Delivery) -> None:
        """Write a job record's bytes to another topic, with what its next try has to know.

        Raises ``Unreadable`` for one that no topic takes, as somebody past the doors can write it.
        """
        headers = delivery.headers(_without_trace(record.headers) if delivery.previous else record.headers)
        # A record with neither key nor value, which no producer of ours writes, is set aside where it is read.
        value = b"" if record.key is None and record.value is None else record.value
        try:
            await self._publish(topic, record.key, value, headers, record.partition, whatever_its_size=False)
        except TooLargeToWrite as error:
            raise Unreadable(TOO_LARGE, f"no topic takes it with its headers: {error}") from error

    async def set_aside(
        self, record: Record, topic: str, reason: str, detail: str, *, cause: str | None = None
    ) -> Position:
        """Put a record on a topic for what cannot go on, the reason in added headers; see ``dead_letter.aside``."""
        kept = aside(record, reason=reason, detail=detail, dead_at=datetime.now(UTC).isoformat(), cause=cause)
        return await self._publish(topic, *kept, None)

    async def _publish(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        at: int | None,
        *,
        whatever_its_size: bool = True,
    ) -> Position:
        """Publish until it is acknowledged: an outcome is never dropped. Repeats are absorbed by the fold.

        Raises ``TooLargeToWrite``, unless it is repeated ``whatever_its_size``, for what the topic takes from nobody.
        """
        wait = 0.1
        while True:
            try:
                return await self._publisher.publish(topic, key=key, value=value, headers=headers, partition=at)
            except (NotWritten, OutcomeUnknown) as error:
                if isinstance(error, TooLargeToWrite) and not whatever_its_size:
                    raise
                log.warning("publish.repeated", topic=topic, after=wait, error=str(error))
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_PAUSE)


def _without_trace(headers: Iterable[tuple[str, bytes]]) -> Headers:
    """The publish adds a ``traceparent`` of its own."""
    return tuple((name, value) for name, value in headers if name != TRACEPARENT)
