"""Adds up stored usage by key and bucket, exactly; runs in a child process."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

from jobforge.keys.errors import ResultTooLarge, TotalTooLarge, UsageMoving
from jobforge.keys.rows import MOST, few_threads, to_parquet
from jobforge.keys.slices import slices
from jobforge.keys.usage_store import FileGone, UsageStore

if TYPE_CHECKING:
    import polars

LATE_AFTER = timedelta(minutes=5)
"""An event is late if it reached the plane this long after the time that its app gave it; early the other way round."""
MOST_ROWS = 1_000_000
"""Keys times buckets of a result."""
_ROWS_AT_ONCE = 100_000
_TRIES = 5
_ID = ["id_high", "id_low"]
_NUMBERS = ["requests", "bytes_transferred"]


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
            return _answer(store, question)
        except FileGone:
            continue
    raise UsageMoving(f"usage files were compacted during each of {_TRIES} reads: try again")


def _answer(store: UsageStore, question: Question) -> Answer:
    counts, sums = Counts(), [_no_sums()]
    for rows in slices(store, question.tenant_id, question.edges[0], question.edges[-1]):
        counted, counts_here = _distinct(rows, question)
        counts += counts_here
        sums.append(_sums(counted, question))
    keyed = _summed(sums, ["key_id", "bucket"])
    _check_size(keyed, question)
    return _written(counts, keyed, question)


def _distinct(rows: "polars.DataFrame", question: Question) -> tuple["polars.DataFrame", Counts]:
    """The rows that count, and what the others are."""
    import polars as pl

    inside = pl.col("occurred_at").is_between(pl.lit(question.edges[0]), pl.lit(question.edges[-1]), closed="left")
    delay = pl.col("received_at") - pl.col("occurred_at")
    # Most ids come once; only those that do not are compared.
    again = rows["id"].is_duplicated()
    once, stored = rows.filter(~again).filter(inside), rows.filter(again)
    records = stored.unique(["source", "offset", *_ID])
    first = records.sort("received_at", "source", "offset").unique(_ID, keep="first").filter(inside)
    events = pl.concat([once, first])
    distinct = records.filter(inside).height
    counted = events.filter(pl.col("key_id").is_not_null())
    return counted, Counts(
        events=counted.height,
        late=counted.filter(delay > LATE_AFTER).height,
        early=counted.filter(-delay > LATE_AFTER).height,
        repeated=distinct - first.height,
        reread=stored.filter(inside).height - distinct,
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

    rows = pl.concat([part.select(*by, *_NUMBERS) for part in parts])
    for name in _NUMBERS:
        total = rows[name].cast(pl.Int128).sum()
        if total > MOST:
            raise TotalTooLarge(
                f"{name} of the period add up to at least {total}; JSON carries up to {MOST} exactly: "
                "ask for parts of the period"
            )
    return rows.group_by(by).agg(pl.col(_NUMBERS).sum())


def _no_sums() -> "polars.DataFrame":
    import polars as pl

    return pl.DataFrame(schema={"key_id": pl.String, "bucket": pl.Int64, **dict.fromkeys(_NUMBERS, pl.Int64)})


def _check_size(keyed: "polars.DataFrame", question: Question) -> None:
    keys, buckets = keyed["key_id"].n_unique(), len(question.labels)
    if keys * buckets > MOST_ROWS:
        raise ResultTooLarge(
            f"{keys} keys in {buckets} buckets are {keys * buckets} rows; a result may have {MOST_ROWS}: "
            "ask for a shorter period or a coarser granularity"
        )


def _written(counts: Counts, keyed: "polars.DataFrame", question: Question) -> Answer:
    """The table with every bucket of every key, as files."""
    import polars as pl

    buckets = pl.DataFrame(
        {"bucket": range(len(question.labels)), "bucket_start": question.labels, "at": question.edges[:-1]},
        schema={"bucket": pl.Int64, "bucket_start": pl.String, "at": pl.Datetime("us", "UTC")},
    )
    keys = keyed.select(pl.col("key_id").unique()).sort("key_id")
    csv, tables = BytesIO(), list[pl.DataFrame]()
    at_once = max(1, _ROWS_AT_ONCE // buckets.height)
    for first in range(0, max(1, keys.height), at_once):
        filled = (
            keys.slice(first, at_once)
            .join(buckets, how="cross", maintain_order="left_right")
            .join(keyed, on=["key_id", "bucket"], how="left", maintain_order="left")
            .with_columns(pl.col(_NUMBERS).fill_null(0))
        )
        filled.select("key_id", "bucket_start", *_NUMBERS).write_csv(csv, include_header=not tables)
        tables.append(filled.select("key_id", pl.col("at").alias("bucket_start"), *_NUMBERS))
    charted = buckets.join(_summed([keyed], ["bucket"]), on="bucket", how="left").fill_null(0).sort("bucket")
    return Answer(
        counts,
        keys.height,
        tuple(charted["requests"].to_list()),
        tuple(charted["bytes_transferred"].to_list()),
        csv.getvalue(),
        to_parquet(pl.concat(tables)),
    )
