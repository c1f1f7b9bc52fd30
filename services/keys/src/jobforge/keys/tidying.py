"""Makes one file of many small ones, beside the feed that adds to them."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from jobforge.chassis.artifacts import StoreUnavailable
from jobforge.chassis.logs import get_logger
from jobforge.chassis.wire import Partition
from jobforge.execution.children import Children
from jobforge.execution.errors import ChildDied
from jobforge.keys.compaction import plan
from jobforge.keys.errors import UsageUnreadable
from jobforge.keys.rows import merged
from jobforge.keys.usage_files import UsageFile, file_name
from jobforge.keys.usage_store import FileGone, UsageStore

EVERY = 10.0
"""Seconds between two looks at the hours that were added to."""

log = get_logger()


class Tidying:
    """Compacts the hours it is told of, each until there is nothing left to do.

    ``storing`` is held while files are added: a list that shows a file then shows all that were added before it.
    """

    def __init__(
        self, store: UsageStore, children: Children, held: Callable[[], frozenset[Partition]], storing: asyncio.Lock
    ) -> None:
        self._store = store
        self._children = children
        self._held = held
        self._storing = storing
        self._hours: set[str] = set()
        self._look_back = True

    def look_at(self, folders: Iterable[str]) -> None:
        """Something was added to these hours."""
        self._hours.update(folders)

    def look_back(self) -> None:
        """Other partitions are held now: what their last owner left of two days is looked at too."""
        self._look_back = True

    async def run(self) -> None:
        """Look every few seconds until cancelled; a store that is away costs a turn."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.turn(datetime.now(UTC))
            except (StoreUnavailable, ChildDied) as error:
                log.warning("usage.not_compacted", error=str(error), retry_in=EVERY)

    async def turn(self, now: datetime) -> None:
        """Look at each hour once; one that cannot be compacted costs the others nothing."""
        if self._look_back:
            self.look_at(await self._store.hours([now.date() - timedelta(days=1), now.date()]))
            self._look_back = False
        for folder in sorted(self._hours):
            try:
                await self._look(folder, now)
            except FileGone as error:
                log.info("usage.not_compacted", error=str(error), retry_in=EVERY)
            except UsageUnreadable as error:
                self._hours.discard(folder)
                log.error("usage.not_compacted", error=str(error))

    async def _look(self, folder: str, now: datetime) -> None:
        async with self._storing:
            files = await self._store.hour(folder)
        todo = plan(files, [(at.topic, at.number) for at in self._held()], now)
        for run in todo.merge:
            await self._merge(run)
        await self._store.delete(todo.delete)
        if todo.finished:
            self._hours.discard(folder)

    async def _merge(self, run: tuple[UsageFile, ...]) -> None:
        data = await self._children.run(merged, {file.path: await self._store.read(file) for file in run})
        name = file_name(run[0].topic, run[0].partition, run[0].first, max(file.last for file in run))
        await self._store.put({f"{run[0].folder}/{name}": data})
        log.info("usage.compacted", hour=run[0].folder, files=len(run), bytes=len(data))
