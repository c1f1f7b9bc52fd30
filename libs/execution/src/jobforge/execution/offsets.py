"""Which offset of a partition may be committed: everything below the lowest unfinished record."""

from collections import deque


class OffsetTracker:
    """The unfinished records of one partition in one assignment epoch; it dies with the epoch."""

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._done: set[int] = set()
        self._watermark: int | None = None
        self._committed: int | None = None

    def begin(self, offset: int) -> None:
        """A record was read; offsets come in ascending order."""
        self._order.append(offset)

    def finish(self, offset: int) -> None:
        """A record needs no more work."""
        self._done.add(offset)
        while self._order and self._order[0] in self._done:
            self._done.remove(self._order[0])
            self._watermark = self._order.popleft() + 1

    @property
    def unfinished(self) -> int:
        """How many records from the lowest unfinished one on are held, finished ones among them."""
        return len(self._order)

    @property
    def due(self) -> int | None:
        """The offset to commit, or None when nothing moved since the last commit."""
        return None if self._watermark == self._committed else self._watermark

    def committed(self, offset: int) -> None:
        """That offset was committed."""
        self._committed = offset
