"""Reads that wait: the long poll and the event stream, woken by what is applied here or announced by others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

from redis.exceptions import RedisError

from jobforge.contracts.identity import id_text
from jobforge.contracts.jobs import Job
from jobforge.manifest import keys
from jobforge.manifest.freshness import Rebuilding
from jobforge.manifest.push import Changes
from jobforge.manifest.reads import NOT_BEGUN, NoSuchRun, Reads, Row
from jobforge.manifest.showing import history
from jobforge.manifest.watching import Watch

LONGEST_WAIT = 60.0
"""Seconds that a long poll may ask for; more is cut down to this."""
HEARTBEAT = 15.0
"""Seconds of silence after which an event stream says that it is still there."""
APPEARS = 1.0
"""Seconds in which a run that was just accepted should appear: until then a long poll does not ask the log for it."""
HELD = 0.05
"""Seconds that a long poll keeps a change to itself which is no end: most jobs end meanwhile, and whoever was told that
theirs runs would only ask again."""
EVERYTHING = -2
"""The offset to resume after in order to see every change."""


async def wait_for_change(reads: Reads, changes: Changes, tenant_id: str, run_id: UUID, *, wait: float) -> Row:
    """The run on its next change, or as it is: at once if it is terminal, otherwise after ``wait`` seconds.

    Any change but the end is told ``HELD`` seconds late, unless the end comes first.
    Raises what ``Reads.run`` raises for the first read; while the view is away later, it goes on waiting.
    """
    poll = _Poll(reads, changes, tenant_id, run_id)
    with changes.watching(poll.row) as watch:
        first = poll.known() or await poll.appearing(watch, min(wait, APPEARS))
        if first.is_terminal or poll.began:
            return first
        clock = asyncio.get_running_loop().time
        until = clock() + min(wait, LONGEST_WAIT)
        changed: Row | None = None
        while (left := until - clock()) > 0 and not changes.closing.is_set():
            row = await poll.next(watch, left)
            if row is None or row.shown == first.shown:
                continue
            if row.is_terminal or not poll.foreign:
                return row
            if changed is None:
                until = min(until, clock() + HELD)
            changed = row
        return changed or await poll.again() or first


class _Poll:
    """One run, from whoever knows it first."""

    def __init__(self, reads: Reads, changes: Changes, tenant_id: str, run_id: UUID) -> None:
        self.row = keys.row(tenant_id, id_text(run_id))
        self._reads = reads
        self._changes = changes
        self._tenant_id = tenant_id
        self._run_id = run_id
        self.began = False
        """Whether this process saw the run begin while it was waited for."""
        self.foreign = False
        """Whether what came last is from others; of its own the watch has told late enough already."""

    def known(self) -> Row | None:
        """The run as this process has applied it, if that is certain."""
        known = self._changes.known(self.row)
        return None if known is None else known.shown(self._tenant_id, self._run_id)

    async def appearing(self, watch: Watch, seconds: float) -> Row:
        """The run as soon as the view holds it (again); otherwise what ``Reads.run`` says after these seconds."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        patience = min(self._changes.patience, seconds)
        while (left := until - clock()) > 0:
            foreign = await watch.changed(left, patience=patience, late=HELD)
            if foreign is False and (row := self.known()) is not None:
                self.began = row.shown != NOT_BEGUN
                return row
            with suppress(Rebuilding):
                row = await self._reads.held(self._tenant_id, self._run_id)
                if foreign is None:
                    self._changes.looked(found=row is not None)
                if row is not None:
                    return row
            patience = left  # it was not there: from now on somebody will tell
        return await self._reads.run(self._tenant_id, self._run_id)

    async def next(self, watch: Watch, within: float) -> Row | None:
        """The run after something happened to it, or None if nothing did or the view cannot say."""
        foreign = await watch.changed(within, late=HELD)
        if foreign is None:
            return None
        self.foreign = foreign
        return (None if foreign else self.known()) or await self.again()

    async def again(self) -> Row | None:
        """The run as the view holds it, or None while it cannot say: whoever waits has been told about it before."""
        return await _again(self._reads, self._tenant_id, self._run_id)


async def follow(reads: Reads, changes: Changes, tenant_id: str, run_id: UUID, *, after: int) -> AsyncIterator[bytes]:
    """Server-sent events of every change after offset ``after``; ends after the terminal one."""
    with changes.watching(keys.row(tenant_id, run_id)) as watch:
        while not changes.closing.is_set():
            row = await _again(reads, tenant_id, run_id)
            if row is not None and row.archived is not None:
                yield _event(max(after, -1), row.job)  # the archive knows no offsets
                return
            for offset, job in history(row.job, row.run, after) if row is not None else ():
                yield _event(offset, job)
                after = offset
            if row is not None and row.is_terminal:
                return
            if await watch.changed(HEARTBEAT if row is not None else 1.0) is None:
                yield b": still here\n\n"


async def _again(reads: Reads, tenant_id: str, run_id: UUID) -> Row | None:
    try:
        return await reads.run(tenant_id, run_id)
    except (Rebuilding, RedisError, NoSuchRun, OSError):
        return None


def _event(offset: int, job: Job) -> bytes:
    return f"id: {offset}\nevent: job\ndata: {job.model_dump_json()}\n\n".encode()
