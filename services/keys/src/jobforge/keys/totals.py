"""Adds up stored usage by key and bucket, exactly; runs in a child process."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from jobforge.keys.errors import ResultTooLarge, TotalTooLarge, UsageMoving, UsageUnreadable
from jobforge.keys.rows import IDENTITY, MOST, few_threads, to_parquet
from jobforge.keys.usage_files import UsageFile, superseded
from jobforge.keys.usage_store import FileGone, UsageStore

if TYPE_CHECKING:
    import polars

MARGIN = timedelta(days=1)
"""How far outside the period a repeat of one of its events is looked for."""
LATE_AFTER = timedelta(minutes=5)
"""An event is late if it reached the plane this long after the time that its app gave it; early the other way round."""
MOST_ROWS = 1_000_000
"""Keys times buckets of a result."""
SLICE = 6 * 1024 * 1024
"""Bytes of usage files whose rows are held in memory at once, some 250,000."""
_TRIES = 5
_ID = ["id_high", "id_low"]


@dataclass(frozen=True, slots=True)
class Question:
    """Whose usage, and in which buckets: ``edges`` in UTC, one more than there are ``labels``."""

    tenant_id: str
    edges: tuple[datetime, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """What the stored rows of the period are."""

    events: int = 0
    late: int = 0
    early: int = 0
    repeated: int = 0
    """Events of an id that was accepted before."""
    reread: int = 0
    """Rows of a record that is stored already."""
    unusable: int = 0
    """Events whose payload names no key, or no numbers."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) + getattr(other, name) for name in Counts.__slots__))


@dataclass(frozen=True, slots=True)
class Answer:
    """Sums, by bucket for the chart, and by key and bucket as files."""

    counts: Counts
    keys: int
    requests: tuple[int, ...]
    bytes_transferred: tuple[int, ...]
    csv: bytes
    parquet: bytes


def add_up(url: str, question: Question) -> Answer:
    """The usage in the store at ``url``. Rows of one event id count once: the first that was accepted."""
    few_threads()
    store = UsageStore(url)
    for _ in range(_TRIES):
        try:
            return _answer(store, _files(store, question), question)
        except FileGone:
            continue
    raise UsageMoving(f"usage files were compacted during each of {_TRIES} reads: try again")


def _files(store: UsageStore, question: Question) -> list[UsageFile]:
    day, last = (question.edges[0] - MARGIN).date(), (question.edges[-1] + MARGIN).date()
    found: list[UsageFile] = []
    while day <= last:
        found += store.day_now(question.tenant_id, day)
        day += timedelta(days=1)
    replaced = superseded(found)
    return [file for file in found if file not in replaced]


def _answer(store: UsageStore, files: Sequence[UsageFile], question: Question) -> Answer:
    import polars as pl

    counts, sums = Counts(), []
    for rows in _slices(store, files, question):
        counted, counts_here = _distinct(rows, question)
        counts += counts_here
        sums.append(_sums(counted, question))
    keyed = _summed(sums, ["key_id", "bucket"]) if sums else _no_sums()
    _check_size(keyed, question)
    buckets = pl.DataFrame(
        {"bucket": range(len(question.labels)), "bucket_start": question.labels, "at": question.edges[:-1]},
        schema={"bucket": pl.Int64, "bucket_start": pl.String, "at": pl.Datetime("us", "UTC")},
    )
    keys = keyed.select(pl.col("key_id").unique()).sort("key_id")
    filled = (
        keys.join(buckets, how="cross")
        .join(keyed, on=["key_id", "bucket"], how="left")
        .with_columns(pl.col("requests", "bytes_transferred").fill_null(0))
        .sort("key_id", "bucket")
    )
    charted = buckets.join(_summed([keyed], ["bucket"]), on="bucket", how="left").fill_null(0).sort("bucket")
    csv = BytesIO()
    filled.select("key_id", "bucket_start", "requests", "bytes_transferred").write_csv(csv)
    parquet = to_parquet(filled.select("key_id", pl.col("at").alias("bucket_start"), "requests", "bytes_transferred"))
    return Answer(
        counts,
        keys.height,
        tuple(charted["requests"].to_list()),
        tuple(charted["bytes_transferred"].to_list()),
        csv.getvalue(),
        parquet,
    )


def _slices(store: UsageStore, files: Sequence[UsageFile], question: Question) -> Iterator["polars.DataFrame"]:
    """The rows of the period and its margins in parts that fit into memory; all rows of an event id in one part."""
    import polars as pl

    count = 1 + sum(file.size for file in files) // SLICE
    if count == 1:
        yield from _parts(store, files, question)
        return
    with TemporaryDirectory(prefix="usage-") as scratch:
        for number, rows in enumerate(_parts(store, files, question)):
            for part in range(count):
                rows.filter(pl.col("id_low") % count == part).write_ipc(Path(scratch) / f"{part}-{number}.arrow")
            del rows
        for part in range(count):
            yield pl.concat([pl.read_ipc(path) for path in sorted(Path(scratch).glob(f"{part}-*.arrow"))])


def _parts(store: UsageStore, files: Sequence[UsageFile], question: Question) -> Iterator["polars.DataFrame"]:
    """The rows near the period, each file read once: of some files together, up to ``SLICE`` bytes of them."""
    import polars as pl

    near = pl.col("occurred_at").is_between(
        pl.lit(question.edges[0] - MARGIN), pl.lit(question.edges[-1] + MARGIN), closed="left"
    )
    gathered, size = [], 0
    for file in files:
        try:
            gathered.append(pl.read_parquet(BytesIO(store.read_now(file))).filter(near))
        except pl.exceptions.PolarsError as error:
            raise UsageUnreadable(f"{file.path} is broken ({error!s:.100}): restore it, or delete it") from None
        size += file.size
        if size >= SLICE:
            yield pl.concat(gathered)
            gathered, size = [], 0
    if gathered:
        yield pl.concat(gathered)


def _distinct(rows: "polars.DataFrame", question: Question) -> tuple["polars.DataFrame", Counts]:
    """The rows that count, and what the others are."""
    import polars as pl

    inside = pl.col("occurred_at").is_between(pl.lit(question.edges[0]), pl.lit(question.edges[-1]), closed="left")
    delay = pl.col("received_at") - pl.col("occurred_at")
    stored = rows.filter(inside).height
    records = rows.unique(IDENTITY)
    events = records.sort("received_at", "topic", "partition", "offset").unique(_ID, keep="first").filter(inside)
    distinct = records.filter(inside).height
    counted = events.filter(pl.col("key_id").is_not_null())
    return counted, Counts(
        events=counted.height,
        late=counted.filter(delay > LATE_AFTER).height,
        early=counted.filter(-delay > LATE_AFTER).height,
        repeated=distinct - events.height,
        reread=stored - distinct,
        unusable=events.height - counted.height,
    )


def _sums(counted: "polars.DataFrame", question: Question) -> "polars.DataFrame":
    import polars as pl

    edges = pl.Series(question.edges, dtype=pl.Datetime("us", "UTC")).dt.timestamp("us")
    at = counted["occurred_at"].dt.timestamp("us")
    bucket = edges.search_sorted(at, side="right").cast(pl.Int64) - 1
    return _summed([counted.with_columns(bucket.alias("bucket"))], ["key_id", "bucket"])


def _summed(parts: Sequence["polars.DataFrame"], by: Sequence[str]) -> "polars.DataFrame":
    """Sums by these columns; raises ``TotalTooLarge`` where they are not exact any more."""
    import polars as pl

    numbers = ["requests", "bytes_transferred"]
    rows = pl.concat([part.select(*by, *numbers) for part in parts])
    for name in numbers:
        total = rows[name].cast(pl.Float64).sum()
        if total > MOST:
            raise TotalTooLarge(
                f"{name} of the period add up to about {total:.3g}; JSON carries up to {MOST} exactly: "
                "ask for parts of the period"
            )
    return rows.group_by(by).agg(pl.col(numbers).sum())


def _no_sums() -> "polars.DataFrame":
    import polars as pl

    numbers = {"bucket": pl.Int64, "requests": pl.Int64, "bytes_transferred": pl.Int64}
    return pl.DataFrame(schema={"key_id": pl.String, **numbers})


def _check_size(keyed: "polars.DataFrame", question: Question) -> None:
    keys, buckets = keyed["key_id"].n_unique(), len(question.labels)
    if keys * buckets > MOST_ROWS:
        raise ResultTooLarge(
            f"{keys} keys in {buckets} buckets are {keys * buckets} rows; a result may have {MOST_ROWS}: "
            "ask for a shorter period or a coarser granularity"
        )
