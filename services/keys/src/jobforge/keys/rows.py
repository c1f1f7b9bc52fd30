"""Turns event records into Parquet files, and several files into one; runs in child processes."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.reading import Unreadable, read
from jobforge.keys.errors import UsageUnreadable
from jobforge.keys.usage_files import file_name, hour_folder

if TYPE_CHECKING:
    import polars

EVENT_TYPE = "keys.usage.recorded"
MOST = 2**53 - 1
"""The largest number that JSON carries exactly."""
LONGEST_KEY = 256
"""Characters of a key's id."""
IDENTITY = ("topic", "partition", "offset", "id_high", "id_low")
"""What tells stored rows apart: where the record stands, and the event's id as two halves."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HALF = 2**64


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of one partition, as offset and value; ``last`` is the last one's offset."""

    topic: str
    partition: int
    records: Sequence[tuple[int, bytes | None]]

    @property
    def first(self) -> int:
        """The first offset."""
        return self.records[0][0]

    @property
    def last(self) -> int:
        """The last offset."""
        return self.records[-1][0]


@dataclass(frozen=True, slots=True)
class Written:
    """Files by path, and the positions of records that are no events, with the reason of each."""

    files: dict[str, bytes]
    unreadable: list[tuple[str, str]]


def few_threads() -> None:
    """Let polars, when it is imported, take no more threads than the machine should spare for it."""
    os.environ.setdefault("POLARS_MAX_THREADS", "2")


def schema() -> dict[str, Any]:
    """The columns of a usage file. ``key_id`` and the numbers are null where the event's payload is not usable."""
    import polars as pl

    instant = pl.Datetime("us", "UTC")
    return {
        "key_id": pl.String,
        "requests": pl.Int64,
        "bytes_transferred": pl.Int64,
        "occurred_at": instant,
        "received_at": instant,
        "topic": pl.String,
        "partition": pl.Int32,
        "offset": pl.Int64,
        "id_high": pl.UInt64,
        "id_low": pl.UInt64,
    }


def to_files(batches: Sequence[Batch]) -> Written:
    """One file for each tenant's hour in each batch; other events of the topic leave nothing."""
    few_threads()
    import polars as pl

    columns = schema()
    files: dict[str, bytes] = {}
    unreadable: list[tuple[str, str]] = []
    for batch in batches:
        hours: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for offset, value in batch.records:
            try:
                event = read(EventEnvelope, value)
            except Unreadable as why:
                unreadable.append((f"{batch.topic}/{batch.partition}@{offset}", str(why)[:300]))
                continue
            if event.event_type == EVENT_TYPE:
                folder = hour_folder(event.tenant_id, event.occurred_at.astimezone(UTC))
                hours[folder].append(_row(event, batch.topic, batch.partition, offset))
        name = file_name(batch.topic, batch.partition, batch.first, batch.last)
        for folder, rows in hours.items():
            files[f"{folder}/{name}"] = to_parquet(pl.DataFrame(rows, schema=columns, orient="row"))
    return Written(files, unreadable)


def merged(parts: Mapping[str, bytes]) -> bytes:
    """All rows of several files, which are given by path, in one file, each once; raises ``UsageUnreadable``."""
    few_threads()
    import polars as pl

    rows = pl.concat([from_parquet(path, data, list(schema())) for path, data in parts.items()])
    return to_parquet(rows.unique(IDENTITY).sort("topic", "partition", "offset"))


def from_parquet(path: str, data: bytes, columns: Sequence[str]) -> "polars.DataFrame":
    """These columns of a usage file; raises ``UsageUnreadable``."""
    import polars as pl

    try:
        rows = pl.read_parquet(BytesIO(data), columns=list(columns))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise UsageUnreadable(f"{path} is broken ({error!s:.100}): restore it, or delete it") from None
    expected = schema()
    if rows.schema != {name: expected[name] for name in columns}:
        raise UsageUnreadable(f"{path} has other columns than usage files have: restore it, or delete it")
    return rows


def to_parquet(rows: "polars.DataFrame") -> bytes:
    """The bytes of a Parquet file."""
    file = BytesIO()
    rows.write_parquet(file, compression="zstd")
    return file.getvalue()


def usable(payload: Mapping[str, Any]) -> tuple[str, int, int] | None:
    """Key, requests and bytes of a usage event's payload; None unless all three are there and make sense."""
    key = payload.get("key_id")
    requests, transferred = payload.get("requests"), payload.get("bytes_transferred")
    if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY:
        return None
    if not _countable(requests) or not _countable(transferred):
        return None
    return key, int(requests), int(transferred)  # type: ignore[arg-type]  # both are integers


def _countable(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MOST


def _row(event: EventEnvelope, topic: str, partition: int, offset: int) -> tuple[Any, ...]:
    key, requests, transferred = usable(event.payload) or (None, None, None)
    high, low = divmod(event.event_id.int, _HALF)
    occurred, received = micros(event.occurred_at), micros(event.received_at)
    return (key, requests, transferred, occurred, received, topic, partition, offset, high, low)


def micros(instant: datetime) -> int:
    """Microseconds since the epoch, exactly."""
    return (instant - _EPOCH) // _MICROSECOND
