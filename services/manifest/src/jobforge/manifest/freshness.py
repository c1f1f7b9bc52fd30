"""Whether the view is fresh enough to answer from: never older than what was shown, or was in the log at the start."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import Protocol

from jobforge.chassis.wire import Partition
from jobforge.contracts import topics
from jobforge.manifest import keys
from jobforge.manifest.families import PATTERN

_OURS = re.compile(PATTERN)


class Log(Protocol):
    """What reads ask of the log."""

    async def topics(self) -> Iterable[str]:
        """The names of all topics."""
        ...

    async def ends(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """The end offset of each partition."""
        ...


class Rebuilding(Exception):
    """The view does not hold yet what the log holds, or what was shown before: ask again soon."""


class Freshness:
    """The floor under every watermark: an answer read below it would go back in time."""

    def __init__(self, log: Log, *, partitions: int) -> None:
        self._log = log
        self._partitions = partitions
        self._floors: dict[str, int] = {}
        self._of_run: dict[int, list[str]] = {}
        """The watermarks' fields by partition, kept until a topic comes or goes: every read needs them."""
        self._held: dict[str, int] = {}
        self._moved = asyncio.Event()
        self.caught_up = False
        """Whether the view has once held all that was in the log when this process started."""

    async def aim(self) -> None:
        """Raise every floor to the end of the log as it is now; lower one that is beyond it: that log is gone."""
        ends = await self.ends(await self._topics())
        for field, end in ends.items():
            held = self._held.get(field, 0)
            self._floors[field] = max(end, held) if held <= end else end
        self._of_run.clear()
        for gone in self._floors.keys() - ends.keys():
            del self._floors[gone]
            self._held.pop(gone, None)

    async def ends(self, names: Iterable[str], partition: int | None = None) -> dict[str, int]:
        """The ends of these topics, of one partition or of all, by the watermark's field."""
        numbers = range(self._partitions) if partition is None else (partition,)
        wanted = [Partition(topic, number) for topic in names for number in numbers]
        return {keys.watermark(at): end for at, end in (await self._log.ends(wanted)).items()}

    async def ends_of_run(self, partition: int) -> dict[str, int]:
        """The ends of everything that may tell of a run in this partition."""
        return await self.ends([name for name in await self._topics() if _of_runs(name)], partition)

    def fields_of_run(self, partition: int) -> list[str]:
        """The watermarks that a run in this partition depends on; that of ``jobforge.runs`` comes first."""
        found = self._of_run.get(partition)
        if found is None:
            first = keys.watermark(Partition(topics.RUNS.name, partition))
            found = [first, *(f for f in self._floors if f != first and _of_runs(f) and f.endswith(f"/{partition}"))]
            self._of_run[partition] = found
        return found

    def fields(self, *, events: bool) -> list[str]:
        """The watermarks that a list of events, or of runs, depends on."""
        return [field for field in self._floors if _of_runs(field) is not events]

    def seen(self, held: Mapping[str, int]) -> None:
        """These watermarks were read, or announced: nothing older is shown from now on."""
        for field, offset in held.items():
            if offset > self._held.get(field, -1):  # an announcement may overtake an answer
                self._held[field] = offset
            if field not in self._floors:
                self._of_run.clear()
            if offset > self._floors.get(field, -1):
                self._floors[field] = offset
        if not self.caught_up and self._floors:
            self.caught_up = not _behind(self._floors, self._held)
        self._moved.set()
        self._moved = asyncio.Event()

    def known(self) -> Mapping[str, int]:
        """The watermarks seen so far: to be taken before a question whose answer ``went_back`` is to judge."""
        return dict(self._held)

    def went_back(self, held: Mapping[str, int], known: Mapping[str, int]) -> bool:
        """Whether the view lost something of what was ``known`` before it was asked."""
        return any(held.get(field, -1) < offset for field, offset in known.items())

    def forget(self, held: Mapping[str, int]) -> None:
        """The view went back to these; the floors stay."""
        self._held = dict(held)

    def floors(self, fields: Iterable[str]) -> Mapping[str, int]:
        """How fresh an answer must be that is asked for now.

        What is announced while the answer is on its way does not count: the answer may be from just before.
        """
        return {field: self._floors.get(field, 0) for field in fields}

    def check(self, floors: Mapping[str, int], held: Mapping[str, int]) -> None:
        """Raise ``Rebuilding`` unless every watermark has reached its floor."""
        behind = _behind(floors, held)
        if behind:
            raise Rebuilding(f"the view is being rebuilt ({behind} partitions to go)")

    async def passed(self, targets: Mapping[str, int], timeout: float) -> bool:
        """Wait until the watermarks have reached these; False after ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while any(self._held.get(field, -1) < end for field, end in targets.items()):
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    async def _topics(self) -> list[str]:
        return [name for name in await self._log.topics() if _OURS.match(name)]


def _behind(floors: Mapping[str, int], held: Mapping[str, int]) -> int:
    """How many watermarks are missing or under their floor."""
    return sum(held.get(field, -1) < floor for field, floor in floors.items())


def _of_runs(name: str) -> bool:
    return not name.startswith(topics.EVENTS.named())
