"""Sums are those that somebody gets who counts the events by hand."""

import csv
import io
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid1
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from jobforge.keys import slices, totals
from jobforge.keys.buckets import edges, labels
from jobforge.keys.errors import ResultTooLarge, TotalTooLarge, UsageUnreadable
from jobforge.keys.periods import period_of, zone_of
from jobforge.keys.totals import Answer, Question, add_up
from jobforge.keys.usage_store import UsageStore

Keep = Callable[..., Awaitable[list[str]]]
Usage = Callable[..., bytes]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def asked(
    store: UsageStore, period: str = "2026-11-23", granularity: str = "hourly", zone: str = "UTC", tenant: str = "acme"
) -> Answer:
    """What the store holds of a period."""
    found = period_of(period, zone_of(zone))
    cuts = edges(found, granularity)
    return add_up(store.url, Question(tenant, cuts, labels(cuts, found)))


def table(answer: Answer) -> dict[tuple[str, str], tuple[int, int]]:
    """Requests and bytes by key and bucket, without empty ones."""
    rows = csv.DictReader(io.StringIO(answer.csv.decode()))
    sums = {(r["key_id"], r["bucket_start"]): (int(r["requests"]), int(r["bytes_transferred"])) for r in rows}
    return {at: numbers for at, numbers in sums.items() if any(numbers)}


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize(("zone", "granularity"), [("UTC", "hourly"), ("Europe/Berlin", "hourly"), ("UTC", "daily")])
async def test_sums_equal_an_independent_count(
    store: UsageStore,
    keep: Keep,
    usage: Usage,
    monkeypatch: pytest.MonkeyPatch,
    zone: str,
    granularity: str,
    small: bool,
) -> None:
    """Over days with a clock change, with repeats, re-reads, late and unusable events, other tenants and periods."""
    if small:
        monkeypatch.setattr(slices, "SLICE", 20 * 1024)
    dice = random.Random(7)
    begin = datetime(2026, 10, 24, 20, tzinfo=UTC)
    here = ZoneInfo(zone)
    requests: Counter[tuple[str, str]] = Counter()
    values, events, late = [], set(), 0
    for _ in range(3000):
        key, number, event_id = f"key-{dice.randrange(5)}", dice.randrange(9), UUID(int=dice.getrandbits(128))
        at = begin + dice.random() * timedelta(hours=60)
        delay = timedelta(seconds=dice.choice([0, 1, 300, 301, 7200]))
        values.append(usage(key, number, 2 * number, at=at, received=at + delay, event_id=event_id))
        if dice.random() < 0.1:
            values.append(usage(key, number, 2 * number, at=at, received=at + delay + SECOND, event_id=event_id))
        local = at.astimezone(here)
        if local.date().isoformat() not in ("2026-10-25", "2026-10-26"):
            continue
        events.add(event_id)
        late += delay > timedelta(minutes=5)
        start = (
            local.replace(minute=0, second=0, microsecond=0)
            if granularity == "hourly"
            else local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        )
        requests[key, start.isoformat(timespec="seconds")] += number
    values += [usage(at=begin + timedelta(hours=9), tenant_id="globex"), usage(at=begin, event_type="keys.key.rotated")]
    for first in range(0, len(values), 500):
        await keep(values[first : first + 500], first=first)
    await keep(values[250:750], first=250)  # read again after a crash

    answer = asked(store, "2026-10-25/2026-10-27", granularity, zone)
    assert {at: both[0] for at, both in table(answer).items()} == {at: n for at, n in requests.items() if n}
    assert all(transferred == 2 * number for number, transferred in table(answer).values())
    assert (answer.counts.events, answer.counts.late) == (len(events), late)
    assert sum(answer.requests) == sum(requests.values())
    assert answer.counts.reread > 0


async def test_a_repeated_event_counts_once_and_is_reported(store: UsageStore, keep: Keep, usage: Usage) -> None:
    """The first accepted one counts, whatever the repeat says and wherever it stands."""
    one = UUID(int=1)
    await keep([usage(requests=5, at=NOON, event_id=one), usage(requests=7, at=NOON + SECOND, event_id=one)])
    await keep([usage(requests=9, at=NOON, received=NOON + 9 * SECOND, event_id=one)], partition=1)
    answer = asked(store)
    assert sum(answer.requests) == 5
    assert (answer.counts.events, answer.counts.repeated, answer.counts.reread) == (1, 2, 0)


async def test_an_event_repeated_after_midnight_counts_on_its_first_day_alone(
    store: UsageStore, keep: Keep, usage: Usage
) -> None:
    """An app that gives no time of its own sends the repeat with a later one."""
    one, midnight = UUID(int=1), datetime(2026, 11, 24, tzinfo=UTC)
    await keep([usage(at=midnight - SECOND, event_id=one), usage(at=midnight + SECOND, event_id=one)])
    first, second = asked(store, "2026-11-23"), asked(store, "2026-11-24")
    assert [sum(first.requests), sum(second.requests)] == [1, 0]
    assert [first.counts.repeated, second.counts.repeated] == [0, 1]


async def test_what_is_read_again_counts_once(store: UsageStore, keep: Keep, usage: Usage) -> None:
    """The same offsets replace the file, wider ones cover it, and rows of overlapping ones are known by position."""
    values = [usage(at=NOON + number * SECOND) for number in range(10)]
    await keep(values[:4])
    await keep(values[:4])
    assert asked(store).counts == totals.Counts(events=4)
    await keep(values[:6])
    assert asked(store).counts == totals.Counts(events=6)
    await keep(values[3:10], first=3)
    assert asked(store).counts == totals.Counts(events=10, reread=3)


async def test_every_key_has_every_bucket(store: UsageStore, keep: Keep, usage: Usage) -> None:
    """Empty ones are zero, in CSV and in Parquet, in order."""
    await keep([usage("b", 1, 10, at=NOON), usage("a", 2, 20, at=NOON + timedelta(hours=3))])
    answer = asked(store)
    rows = pl.read_parquet(io.BytesIO(answer.parquet))
    assert rows.columns == ["key_id", "bucket_start", "requests", "bytes_transferred"]
    assert rows["key_id"].to_list() == ["a"] * 24 + ["b"] * 24
    assert rows["bucket_start"].to_list()[:24] == [NOON.replace(hour=hour) for hour in range(24)]
    assert rows["requests"].sum() == 3
    assert table(answer) == {
        ("b", "2026-11-23T12:00:00+00:00"): (1, 10),
        ("a", "2026-11-23T15:00:00+00:00"): (2, 20),
    }
    assert len(answer.requests) == 24


async def test_a_period_ends_just_before_its_end(store: UsageStore, keep: Keep, usage: Usage) -> None:
    """To the microsecond."""
    begin = datetime(2026, 11, 23, tzinfo=UTC)
    end, tick = begin + timedelta(days=1), timedelta(microseconds=1)
    await keep([usage(requests=n, at=at) for n, at in [(1, begin), (2, end - tick), (4, end), (8, begin - tick)]])
    assert sum(asked(store).requests) == 3


async def test_a_tenant_without_usage_gets_an_empty_table(store: UsageStore, keep: Keep, usage: Usage) -> None:
    """With its header, and nothing of another tenant."""
    await keep([usage(at=NOON)])
    answer = asked(store, tenant="globex")
    assert answer.csv == b"key_id,bucket_start,requests,bytes_transferred\n"
    assert (answer.keys, answer.requests) == (0, (0,) * 24)


async def test_payloads_that_make_no_sense_are_reported_and_not_guessed(
    store: UsageStore, keep: Keep, usage: Usage
) -> None:
    """Redacted, negative, fractional, boolean, missing or endless."""
    bad: list[tuple[Any, Any, Any]] = [
        ("k", -1, 1),
        ("k", 1.5, 1),
        ("k", True, 1),
        ("k", None, 1),
        ("k", 2**60, 1),
        ("k", 1, "[redacted]"),
        ("", 1, 1),
        ("k" * 257, 1, 1),
        (7, 1, 1),
        (None, 1, 1),
    ]
    await keep([usage(*each, at=NOON) for each in bad] + [usage("k", 3, 4, at=NOON)])
    answer = asked(store)
    assert (answer.counts.unusable, answer.counts.events, sum(answer.requests)) == (len(bad), 1, 3)


async def test_events_ahead_of_our_clock_are_reported(store: UsageStore, keep: Keep, usage: Usage) -> None:
    """They count at the app's time."""
    await keep([usage(at=NOON, received=NOON - timedelta(minutes=6)), usage(at=NOON, received=NOON - SECOND)])
    assert asked(store).counts == totals.Counts(events=2, early=1)


async def test_sums_that_json_cannot_carry_are_refused_by_name(store: UsageStore, keep: Keep, usage: Usage) -> None:
    """Even where they wrap around."""
    await keep([usage(requests=2**53 - 1, at=NOON) for _ in range(1100)])
    with pytest.raises(TotalTooLarge, match="parts of the period"):
        asked(store)


async def test_a_sum_is_exact_up_to_the_last_one_that_json_carries(store: UsageStore, keep: Keep, usage: Usage) -> None:
    """One more is refused, however it is spread over events."""
    await keep([usage(requests=2**52, at=NOON), usage(requests=2**52 - 1, at=NOON)])
    assert sum(asked(store).requests) == 2**53 - 1
    await keep([usage(requests=1, at=NOON)], first=2)
    with pytest.raises(TotalTooLarge, match=str(2**53)):
        asked(store)


async def test_event_ids_of_one_machine_s_clock_are_spread_over_all_parts(
    store: UsageStore, keep: Keep, usage: Usage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UUIDs of version 1 differ in a few bits alone; memory is needed for a part of them all the same."""
    monkeypatch.setattr(slices, "SLICE", 2 * 1024)
    values = [usage(at=NOON, event_id=uuid1(node=1, clock_seq=1)) for _ in range(4000)]
    await keep(values + values[:100])
    day = NOON.replace(hour=0)
    parts = [rows.height for rows in slices.slices(store, "acme", day, day + timedelta(days=1))]
    assert len(parts) > 2
    assert max(parts) < 2 * 4100 / len(parts)
    assert asked(store).counts == totals.Counts(events=4000, repeated=100)


async def test_an_unusable_event_is_repeated_as_others_are(store: UsageStore, keep: Keep, usage: Usage) -> None:
    """The first one decides, whether its numbers make sense or not."""
    one = UUID(int=1)
    await keep([usage(None, at=NOON, event_id=one), usage("k", 5, at=NOON + SECOND, event_id=one)])
    assert asked(store).counts == totals.Counts(unusable=1, repeated=1)


async def test_a_table_without_end_is_refused_by_name(
    store: UsageStore, keep: Keep, usage: Usage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the limit and what to do."""
    monkeypatch.setattr(totals, "MOST_ROWS", 47)
    await keep([usage("a", at=NOON), usage("b", at=NOON)])
    with pytest.raises(ResultTooLarge, match="2 keys in 24 buckets are 48 rows; a result may have 47"):
        asked(store)


async def test_a_broken_file_is_named(store: UsageStore, keep: Keep, usage: Usage, tmp_path: Path) -> None:
    """So that somebody can restore it: one that is no Parquet, one that is cut off, one with other columns."""
    (path,) = await keep([usage(at=NOON)])
    file = tmp_path / "artifacts" / path
    other = io.BytesIO()
    pl.read_parquet(file).with_columns(pl.col("requests").cast(pl.String)).write_parquet(other)
    for broken in (b"no parquet", b"", file.read_bytes()[:-20], other.getvalue()):
        file.write_bytes(broken)
        with pytest.raises(UsageUnreadable, match=path):
            asked(store)
