"""Records that wait: one lane for each partition of a retry topic, in the order of the log."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, takewhile

from jobforge.chassis.wire import Partition, Record
from jobforge.contracts.delivery import Delivery
from jobforge.scheduler.waits import wait_of, way_back


@dataclass(slots=True)
class Waiting:
    """A record, where it goes back to (None: nowhere), and when it is due on the monotonic clock."""

    record: Record
    due: float
    back_to: str | None


@dataclass(slots=True)
class Lane:
    """The records of one partition that were read and not yet moved."""

    partition: Partition
    longest: timedelta
    waiting: deque[Waiting] = field(default_factory=deque)
    size: int = 0
    """Bytes, about."""
    read_to: int | None = None
    moved_to: int | None = None
    """The offset to commit: everything before it was acknowledged elsewhere."""
    committed: int | None = None
    mover: "asyncio.Task[None] | None" = None
    closing: bool = False
    """Nothing more is moved once what is on its way has arrived."""

    def take(self, records: Iterable[Record], *, time: float, now: datetime) -> None:
        """More records at the end; each wait is computed here, once, and only counted down from now on."""
        for record in records:
            delivery = Delivery.of(record.headers)
            wait = wait_of(delivery, now, self.longest)
            nothing = record.key is None and record.value is None  # which no producer writes
            back_to = None if nothing else way_back(delivery)
            self.waiting.append(Waiting(record, time + wait.total_seconds(), back_to))
            self.size += _size(record)
            self.read_to = record.offset + 1

    def due(self, time: float, most: int) -> list[Waiting]:
        """What can be moved next, from the head on: records that all go back, or one that goes nowhere."""
        head = list(takewhile(lambda waiting: waiting.due <= time, islice(self.waiting, most)))
        back = list(takewhile(lambda waiting: waiting.back_to is not None, head))
        return back or head[:1]

    def let_go(self, count: int) -> None:
        """The first ``count`` records were acknowledged elsewhere."""
        for _ in range(count):
            gone = self.waiting.popleft().record
            self.size -= _size(gone)
            self.moved_to = gone.offset + 1


def _size(record: Record) -> int:
    return (
        len(record.value or b"") + len(record.key or b"") + sum(len(value or b"") + 64 for _, value in record.headers)
    )
