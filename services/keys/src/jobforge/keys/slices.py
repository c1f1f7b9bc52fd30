"""Reads the stored rows near a period in parts that fit into memory; runs in a child process."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from jobforge.keys.rows import from_parquet
from jobforge.keys.usage_files import UsageFile, superseded
from jobforge.keys.usage_store import UsageStore

if TYPE_CHECKING:
    import polars

MARGIN = timedelta(days=1)
"""How far outside the period a repeat of one of its events is looked for."""
SLICE = 2 * 1024 * 1024
"""Bytes of usage files whose rows are held in memory at once, some 80,000."""
_AT_ONCE = 8
"""Files that are fetched at a time: from a bucket each takes its while."""
_COLUMNS = ["key_id", "requests", "bytes_transferred", "occurred_at", "received_at", "offset", "id_high", "id_low"]


def slices(store: UsageStore, tenant_id: str, start: datetime, end: datetime) -> Iterator["polars.DataFrame"]:
    """A tenant's rows from a day before ``start`` to a day after ``end``; all rows of an event id come in one part.

    Instead of topic and partition they have a number, ``source``, and instead of nothing an ``id``, which is the same
    for equal event ids and seldom for others. Raises ``FileGone`` where a file was replaced meanwhile: begin again.
    """
    import polars as pl

    begin, until = start - MARGIN, end + MARGIN
    files = _files(store, tenant_id, begin, until)
    count = 1 + sum(file.size for file in files) // SLICE
    if count == 1:
        yield from _read(store, files, begin, until)
        return
    with TemporaryDirectory(prefix="usage-") as scratch:
        for number, rows in enumerate(_read(store, files, begin, until)):
            for some in rows.with_columns(part=pl.col("id") % count).partition_by("part"):
                some.drop("part").write_ipc(Path(scratch) / f"{some['part'][0]}-{number}.arrow")
            del rows
        for part in range(count):
            paths = sorted(Path(scratch).glob(f"{part}-*.arrow"))
            if paths:
                yield pl.concat([pl.read_ipc(path) for path in paths])


def _files(store: UsageStore, tenant_id: str, begin: datetime, until: datetime) -> list[UsageFile]:
    day, found = begin.date(), list[UsageFile]()
    while day <= until.date():
        found += store.day_now(tenant_id, day)
        day += timedelta(days=1)
    replaced = superseded(found)
    return [file for file in found if file not in replaced]


def _read(
    store: UsageStore, files: Sequence[UsageFile], begin: datetime, until: datetime
) -> Iterator["polars.DataFrame"]:
    """The rows between two instants, each file read once: of some files together, up to ``SLICE`` bytes of them."""
    import polars as pl

    near = pl.col("occurred_at").is_between(pl.lit(begin), pl.lit(until), closed="left")
    mixed = pl.col("id_high").hash(1) ^ pl.col("id_low").hash(2)
    sources = {at: number for number, at in enumerate(sorted({(file.topic, file.partition) for file in files}))}
    with ThreadPoolExecutor(_AT_ONCE) as readers:
        for group in _groups(files):
            gathered = []
            for file, data in zip(group, readers.map(store.read_now, group), strict=True):
                rows = from_parquet(file.path, data, _COLUMNS).filter(near)
                source = pl.lit(sources[file.topic, file.partition], pl.UInt32)
                gathered.append(rows.with_columns(source=source, id=mixed))
            yield pl.concat(gathered)


def _groups(files: Sequence[UsageFile]) -> Iterator[list[UsageFile]]:
    group, size = list[UsageFile](), 0
    for file in files:
        group.append(file)
        size += file.size
        if size >= SLICE:
            yield group
            group, size = [], 0
    if group:
        yield group
