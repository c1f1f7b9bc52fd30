"""What the plane needs of a log: five verbs over records, and nothing of any client library."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

Headers = tuple[tuple[str, bytes], ...]


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int


class Position(NamedTuple):
    """Where an acknowledged record stands."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


class Record(NamedTuple):
    """A record as it was read; ``timestamp`` is milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int

    @property
    def at(self) -> Partition:
        """The partition the record stands in."""
        return Partition(self.topic, self.partition)

    def header(self, name: str) -> str | None:
        """The last header of that name as text, or None; bytes that are not UTF-8 are replaced."""
        for found, value in reversed(self.headers):
            if found == name:
                return (value or b"").decode(errors="replace")
        return None


class RecordGone(LookupError):
    """The log does not hold a record at that position (any more), which is certain."""


class NotWritten(Exception):
    """The record was certainly not written: the log could not be reached, or refused it."""


class TooLargeToWrite(NotWritten):
    """The record is larger than its topic, or any, may be: it will never be written as it is."""


class OutcomeUnknown(Exception):
    """The record may have been written: its acknowledgement did not come in time."""


class Publisher(Protocol):
    """Writes records. ``publish`` returns when all in-sync replicas hold the record."""

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Position:
        """Write one record and wait for its acknowledgement; raises ``NotWritten`` or ``OutcomeUnknown``."""
        ...

    async def send(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Awaitable[Position]:
        """Hand one record over in order and return at once; what is returned can be awaited for the acknowledgement."""
        ...


class Consumer(Protocol):
    """Reads the partitions a group member was given. Only explicit commits; nothing is committed by leaving."""

    async def poll(self, *, timeout: float, max_records: int) -> Mapping[Partition, list[Record]]:
        """Records of partitions that are not paused, in order; empty after ``timeout`` seconds without any."""
        ...

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Fetch nothing more from these partitions."""
        ...

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Fetch from these partitions again."""
        ...

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit, for each partition, the offset of the next record to read. Lost partitions raise ``NotAssigned``."""
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """Read this partition from that offset next."""
        ...

    async def committed(self, partition: Partition) -> int | None:
        """The group's committed offset, or None."""
        ...

    async def bounds(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """For each partition its first offset and the offset after its last record."""
        ...


class NotAssigned(Exception):
    """A commit came after the partition went to another member; its new owner reads the records again."""


class Reader(Protocol):
    """What owns a consumer: told of every assignment, and run until cancelled.

    ``assigned`` and ``revoked`` are called by the group's rebalance; ``revoked`` may take up to 20 s to drain.
    """

    async def assigned(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """These partitions are this member's from now on: a new epoch."""
        ...

    async def revoked(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """These partitions are about to go to another member."""
        ...

    async def run(self, consumer: Consumer) -> None:
        """Poll until cancelled."""
        ...

    async def drain(self, consumer: Consumer) -> None:
        """Finish or hand back what is in flight, and commit: the service is stopping."""
        ...


Clock = Callable[[], float]
"""A monotonic clock, in seconds."""
