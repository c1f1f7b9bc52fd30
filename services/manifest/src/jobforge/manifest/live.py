"""Reads that wait: the long poll and the event stream, woken by the projection's announcements."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

from redis.exceptions import RedisError

from jobforge.contracts.jobs import Job
from jobforge.manifest import keys
from jobforge.manifest.freshness import Rebuilding
from jobforge.manifest.push import Changes
from jobforge.manifest.reads import NoSuchRun, Reads, Row
from jobforge.manifest.showing import history

LONGEST_WAIT = 60.0
"""Seconds that a long poll may ask for; more is cut down to this."""
HEARTBEAT = 15.0
"""Seconds of silence after which an event stream says that it is still there."""
APPEARS = 1.0
"""Seconds in which a run that was just accepted should appear: until then a long poll does not ask the log for it."""
EVERYTHING = -2
"""The offset to resume after in order to see every change."""


async def wait_for_change(reads: Reads, changes: Changes, tenant_id: str, run_id: UUID, *, wait: float) -> Row:
    """The run on its next change, or as it is: at once if it is terminal, otherwise after ``wait`` seconds.

    Raises what ``Reads.run`` raises for the first read; while the view is away later, it goes on waiting.
    """
    with changes.watching(keys.row(tenant_id, run_id)) as changed:
        first = await _appearing(reads, changed, tenant_id, run_id, min(wait, APPEARS))
        if first.job.is_terminal:
            return first
        try:
            async with asyncio.timeout(min(wait, LONGEST_WAIT)):
                while not changes.closing.is_set():
                    await changed.wait()
                    changed.clear()
                    row = await _again(reads, tenant_id, run_id)
                    if row is not None and _shown(row) != _shown(first):
                        return row
        except TimeoutError:
            pass
        return await _again(reads, tenant_id, run_id) or first


async def follow(reads: Reads, changes: Changes, tenant_id: str, run_id: UUID, *, after: int) -> AsyncIterator[bytes]:
    """Server-sent events of every change after offset ``after``; ends after the terminal one."""
    with changes.watching(keys.row(tenant_id, run_id)) as changed:
        while not changes.closing.is_set():
            changed.clear()
            row = await _again(reads, tenant_id, run_id)
            if row is not None and row.run is None and row.job.is_terminal:
                yield _event(max(after, -1), row.job)  # from the archive, which knows no offsets
                return
            for offset, job in history(row.job, row.run, after) if row is not None else ():
                yield _event(offset, job)
                after = offset
            if row is not None and row.job.is_terminal:
                return
            try:
                async with asyncio.timeout(HEARTBEAT if row is not None else 1.0):
                    await changed.wait()
            except TimeoutError:
                yield b": still here\n\n"


async def _appearing(reads: Reads, changed: asyncio.Event, tenant_id: str, run_id: UUID, seconds: float) -> Row:
    """The run as soon as the view holds it (again); otherwise what ``Reads.run`` says after these seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                with suppress(Rebuilding):
                    if (row := await reads.held(tenant_id, run_id)) is not None:
                        return row
                await changed.wait()
                changed.clear()
    return await reads.run(tenant_id, run_id)


async def _again(reads: Reads, tenant_id: str, run_id: UUID) -> Row | None:
    """The run, or None while the view cannot say: whoever waits has been told about it before."""
    try:
        return await reads.run(tenant_id, run_id)
    except (Rebuilding, RedisError, NoSuchRun, OSError):
        return None


def _shown(row: Row) -> tuple[int, bool]:
    return (row.run.offset if row.run else -1, row.job.is_terminal)


def _event(offset: int, job: Job) -> bytes:
    return f"id: {offset}\nevent: job\ndata: {job.model_dump_json()}\n\n".encode()
