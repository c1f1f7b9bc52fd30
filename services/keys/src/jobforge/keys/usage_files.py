"""What a usage file's name says: all usage of a tenant's hour that stands between two offsets of a partition."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

ROOT = "usage"
_PATH = re.compile(
    ROOT + r"/(?P<tenant>[^/]+)/(?P<day>\d{4}-\d{2}-\d{2})/(?P<hour>\d{2})"
    r"/(?P<topic>[^/]+)-(?P<partition>\d+)-(?P<first>\d+)-(?P<last>\d+)\.parquet"
)


@dataclass(frozen=True, slots=True)
class UsageFile:
    """A file in the store; ``size`` in bytes, ``folder`` is the tenant's hour, ``first`` and ``last`` are offsets."""

    folder: str
    topic: str
    partition: int
    first: int
    last: int
    size: int
    written_at: datetime

    @property
    def path(self) -> str:
        """Where it stands. The same offsets give the same path, so storing them again replaces the file."""
        return f"{self.folder}/{file_name(self.topic, self.partition, self.first, self.last)}"


def day_folder(tenant_id: str, day: date) -> str:
    """Where a tenant's usage of a day (in UTC, by the app's time) stands."""
    return f"{ROOT}/{tenant_id}/{day.isoformat()}"


def hour_folder(tenant_id: str, hour: datetime) -> str:
    """Where a tenant's usage of an hour stands; ``hour`` in UTC."""
    return f"{day_folder(tenant_id, hour.date())}/{hour.hour:02d}"


def file_name(topic: str, partition: int, first: int, last: int) -> str:
    """The name within its hour."""
    return f"{topic}-{partition}-{first:015d}-{last:015d}.parquet"


def parsed(path: str, size: int, written_at: datetime) -> UsageFile | None:
    """What a path says, or None for one that is no usage file's."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    partition, first, last = (int(found[name]) for name in ("partition", "first", "last"))
    return UsageFile(path.rpartition("/")[0], found["topic"], partition, first, last, size, written_at)


def superseded(files: Iterable[UsageFile]) -> dict[UsageFile, UsageFile]:
    """Files whose offsets lie within those of another one of their hour, and that other one: it holds all they hold."""
    found: dict[UsageFile, UsageFile] = {}
    for of_one in by_partition(files).values():
        widest: UsageFile | None = None
        for file in of_one:
            if widest is not None and file.last <= widest.last:
                found[file] = widest
            else:
                widest = file
    return found


def by_partition(files: Iterable[UsageFile]) -> dict[tuple[str, str, int], list[UsageFile]]:
    """Files by hour and partition, in the order of their offsets; of those that begin alike the longest first."""
    found: dict[tuple[str, str, int], list[UsageFile]] = defaultdict(list)
    for file in sorted(files, key=lambda file: (file.first, -file.last)):
        found[file.folder, file.topic, file.partition].append(file)
    return found
