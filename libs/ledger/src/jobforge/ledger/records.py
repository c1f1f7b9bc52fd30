"""Records as the checker reads them, where they stand, and what kind of topic that is."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import orjson

from jobforge.contracts import topics

Headers = tuple[tuple[str, bytes], ...]
Kind = Literal["jobs", "retry", "runs", "manifests", "dead"]

_JOBS = re.compile(rf"{topics.JOBS.pattern}|{topics.SLOW_JOBS.pattern}")
_DEAD = re.compile(topics.DEAD_LETTERS.pattern)
_RETRY = frozenset(tier.topic.name for tier in topics.RETRY_TIERS)


class Position(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read ``topic/partition@offset`` or ``topic:partition:offset``; raises ``ValueError``."""
        found = re.fullmatch(r"([A-Za-z0-9._-]+)(?:/(\d{1,9})@|:(\d{1,9}):)(\d{1,18})", text)
        if found is None:
            raise ValueError(f"not a position, topic:partition:offset: {text!r:.100}")
        return cls(found[1], int(found[2] or found[3]), int(found[4]))


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was read; ``timestamp`` is milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp: int = 0

    @property
    def position(self) -> Position:
        """Where it stands."""
        return Position(self.topic, self.partition, self.offset)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What was there when the look began: only what stood before it is judged.

    ``spans`` maps (topic, partition) to its first offset and the offset after its last record; ``commits`` maps (group,
    topic, partition) to the next offset that the group reads. Commits are read first, then the ends: of manifests, of
    runs, of jobs, of retries, of dead letters. So whatever an earlier one speaks of is within a later one.
    """

    spans: Mapping[tuple[str, int], tuple[int, int]]
    commits: Mapping[tuple[str, str, int], int] = field(default_factory=dict)

    def topics(self, *kinds: Kind) -> list[str]:
        """The topics of these kinds, sorted."""
        return sorted({topic for topic, _ in self.spans if kind_of(topic) in kinds})

    @property
    def partitions(self) -> int:
        """The plane's partition count."""
        return sum(topic == topics.RUNS.name for topic, _ in self.spans)


class History(Protocol):
    """A log that can be read from its beginning."""

    async def bounds(self) -> Bounds:
        """What is there now."""
        ...

    def read(self, wanted: Mapping[tuple[str, int], tuple[int, int]]) -> AsyncIterator[Sequence[Record]]:
        """The records of these partitions within these spans, each partition in order."""
        ...


def kind_of(topic: str) -> Kind | None:
    """What a topic's records are to the checker; None for one it does not read."""
    if topic == topics.RUNS.name:
        return "runs"
    if topic == topics.MANIFESTS.name:
        return "manifests"
    if topic in _RETRY:
        return "retry"
    if _JOBS.match(topic):
        return "jobs"
    if topic == topics.REJECTED.name or _DEAD.match(topic):
        return "dead"
    return None


def object_in(value: bytes | None) -> dict[str, Any] | None:
    """The JSON object in a value, or None."""
    try:
        found = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
