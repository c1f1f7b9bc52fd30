"""Who is next: records wait by tenant, and tenants take turns, so that nobody's flood is in anybody's way."""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

SPARE = 8
"""For every so many slots there is one more, for tenants that run hardly anything."""


class Lane(Generic[T]):
    """Slots for jobs, and the queue in front of them: round robin over tenants, first come first served in each.

    A tenant whose jobs are long may hold every slot before another's come. The spare slots are not for it: they are
    taken when all others are, by tenants that run less than half as many jobs as there are spare slots.

    >>> lane = Lane[str](slots=2)
    >>> for tenant, item in (("a", "a1"), ("a", "a2"), ("b", "b1")):
    ...     lane.put(tenant, item)
    >>> lane.take(), lane.take(), lane.take()
    ('a1', 'b1', None)
    >>> lane.done("b")
    >>> lane.take()
    'a2'
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._spare = slots // SPARE
        self._queues: OrderedDict[str, deque[T]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._busy = 0

    def put(self, tenant: str, item: T) -> None:
        """Queue an item behind its tenant's others."""
        queue = self._queues.get(tenant)
        if queue is None:
            queue = self._queues[tenant] = deque()
        queue.append(item)

    def take(self) -> T | None:
        """The next item of the tenant whose turn it is, which has a slot until it is ``done``; None if none may run."""
        tenant = self._next()
        if tenant is None:
            return None
        queue = self._queues.pop(tenant)
        item = queue.popleft()
        if queue:
            self._queues[tenant] = queue
        self._busy += 1
        self._running[tenant] += 1
        return item

    def done(self, tenant: str) -> None:
        """One of the tenant's items has left its slot."""
        self._busy -= 1
        self._running[tenant] -= 1
        if not self._running[tenant]:
            del self._running[tenant]

    def _next(self) -> str | None:
        if self._busy < self._slots:
            return next(iter(self._queues), None)
        if self._busy < self._slots + self._spare:
            # Few run so much that they are passed over: there are no more slots than that.
            few = max(self._spare // 2, 1)
            return next((tenant for tenant in self._queues if self._running[tenant] < few), None)
        return None

    def drop(self, gone: Callable[[T], bool]) -> list[T]:
        """Take these out, wherever they stand."""
        dropped: list[T] = []
        for tenant, queue in list(self._queues.items()):
            kept: deque[T] = deque()
            for item in queue:
                (dropped if gone(item) else kept).append(item)
            if kept:
                self._queues[tenant] = kept
            else:
                del self._queues[tenant]
        return dropped
