"""Whether what Redis says can be judged by: not soon after it was away, emptied or filled again."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

LEAP = timedelta(seconds=5)
"""A wall clock that went this much further than the monotonic one between two looks has jumped."""


class Trust:
    """What was seen at each look, and since when nothing was odd. Times are seconds of the monotonic clock."""

    def __init__(self, unsettled: timedelta) -> None:
        self._unsettled = unsettled.total_seconds()
        self._calm_since: dict[int, float] = {}
        self._marks: dict[int, Mapping[str, int]] = {}
        self._token: str | None = None
        self._skew: float | None = None

    def shaken(self, time: float) -> None:
        """Redis did not answer, or is not what it was: everything seen so far may be gone."""
        self._calm_since = dict.fromkeys(self._calm_since, time)

    def looked(
        self, partitions: Iterable[int], *, token: str, watermarks: Mapping[str, int], time: float, now: datetime
    ) -> None:
        """One look: ``token`` changes when Redis was emptied; ``watermarks`` are those of all partitions."""
        skew = now.timestamp() - time
        emptied = self._token is not None and token != self._token
        leapt = self._skew is not None and abs(skew - self._skew) > LEAP.total_seconds()
        self._token, self._skew = token, skew
        if emptied or leapt:
            self.shaken(time)
        tended = set(partitions)
        for gone in self._calm_since.keys() - tended:
            del self._calm_since[gone], self._marks[gone]
        for partition in tended:
            marks = {field: held for field, held in watermarks.items() if field.endswith(f"/{partition}")}
            before = self._marks.get(partition)
            if before is None or any(marks.get(field, -1) < held for field, held in before.items()):
                self._calm_since[partition] = time
            self._marks[partition] = marks

    def settled(self, partition: int, time: float) -> bool:
        """Whether nothing was odd about this partition for long enough."""
        since = self._calm_since.get(partition)
        return since is not None and time - since >= self._unsettled
