"""Decides which small files of an hour become one, and which may go.

A file holds all usage of its hour between its first and its last offset. Merging files that follow each other keeps
that true as long as nothing is stored between them later, which a group's commits promise. Only what its successor
has long replaced is deleted, so that no reader's list of files misses both.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobforge.keys.usage_files import UsageFile, by_partition, superseded

SMALL = 4 * 1024 * 1024
"""Bytes; larger files stay as they are."""
MANY = 16
"""Small files of a partition that become one while their hour still grows."""
QUIET = timedelta(minutes=2)
"""An hour to which nothing was added for so long has its small files merged, however few they are."""
KEPT = timedelta(minutes=2)
"""How long a file outlives its replacement: longer than anybody takes to list a day."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with an hour. ``finished`` when nothing will be left to do, unless something is added."""

    merge: tuple[tuple[UsageFile, ...], ...]
    delete: tuple[UsageFile, ...]
    finished: bool


def plan(files: Iterable[UsageFile], mine: Iterable[tuple[str, int]], now: datetime) -> Plan:
    """What to do with the files of one hour that belong to the partitions (topic and number) of this process."""
    held = set(mine)
    files = [file for file in files if (file.topic, file.partition) in held]
    replaced = superseded(files)
    quiet = all(now - file.written_at > QUIET for file in files)
    enough = 2 if quiet else MANY
    runs = [
        run
        for of_one in by_partition(file for file in files if file not in replaced).values()
        for run in _runs(of_one)
        if len(run) >= enough
    ]
    gone = tuple(file for file, by in replaced.items() if now - by.written_at > KEPT)
    return Plan(tuple(runs), gone, finished=quiet and not runs and len(gone) == len(replaced))


def _runs(files: list[UsageFile]) -> list[tuple[UsageFile, ...]]:
    """Small files that follow each other, no more of them together than make one that is not small."""
    runs: list[list[UsageFile]] = [[]]
    size = 0
    for file in files:
        if file.size >= SMALL or size >= SMALL:
            runs.append([])
            size = 0
        if file.size < SMALL:
            runs[-1].append(file)
            size += file.size
    return [tuple(run) for run in runs]
