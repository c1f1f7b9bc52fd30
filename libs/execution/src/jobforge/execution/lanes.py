"""Who is next: records wait by tenant, and tenants take turns, so that nobody's flood is in anybody's way."""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lane(Generic[T]):
    """Slots for jobs, and the queue in front of them: round robin over tenants, first come first served in each.

    >>> lane = Lane[str](slots=1)
    >>> for tenant, item in (("a", "a1"), ("a", "a2"), ("b", "b1")):
    ...     lane.put(tenant, item)
    >>> [lane.take() for _ in range(3)]
    ['a1', 'b1', 'a2']
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._queues: OrderedDict[str, deque[T]] = OrderedDict()
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def put(self, tenant: str, item: T) -> None:
        """Queue an item behind its tenant's others."""
        queue = self._queues.get(tenant)
        if queue is None:
            queue = self._queues[tenant] = deque()
        queue.append(item)
        self._waiting += 1

    def take(self) -> T:
        """The next item of the tenant whose turn it is; raises ``KeyError`` when nothing waits."""
        tenant, queue = self._queues.popitem(last=False)
        item = queue.popleft()
        if queue:
            self._queues[tenant] = queue
        self._waiting -= 1
        return item

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
        self._waiting -= len(dropped)
        return dropped
