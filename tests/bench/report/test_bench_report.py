"""The benchmark's report shows ratios of pairs, judges them by their targets, and hides no lost span."""

import json
from dataclasses import replace

import pytest
from ratios import table
from ratios.figures import Burst, Latencies, OpenLoop, Pair, Percentiles, Session, Settings, Side, Spans

SPANS = Spans(expected=6000, stored=6000, dropped=0, sampled=50, incomplete=0)


def percentiles(middle: float) -> Percentiles:
    """A p95 of twice and a p99 of three times the median."""
    return Percentiles(middle, 2 * middle, 3 * middle)


def side(speed: float, *, read: bool) -> Side:
    """One side whose medians are 1, 2 and 3 ms at speed 1."""
    middle = 1 / speed
    latencies = Latencies(percentiles(middle), percentiles(2 * middle), percentiles(3 * middle) if read else None)
    return Side(latencies, Burst(1100 * speed, 1000 * speed), {"kafka": 100 / speed, "client": 50 / speed}, 0.25)


def session() -> Session:
    """The raw path is twice as fast as the plane, on a machine whose own speed changes."""
    pairs = [Pair(side(speed, read=True), side(2 * speed, read=False)) for speed in (1, 0.5, 2)]
    latencies = Latencies(percentiles(4), percentiles(5))
    return Session(
        Settings(jobs=5000, pairs=3, alone=300, open_seconds=60, concurrency=50),
        {"Measured": "2026-01-01", "cores": "2"},
        pairs,
        {"plane": OpenLoop(500, 499, latencies), "raw": OpenLoop(1000, 998, latencies)},
        {"ingestion": 90.6, "kafka": 300},
        ("ingestion",),
        {"ingestion": 1.25},
        SPANS,
    )


def test_the_table_shows_medians_ranges_and_the_ratio_of_each_pair() -> None:
    """A machine that slows down between pairs changes the columns, not the ratio."""
    lines = table.markdown(session()).splitlines()
    assert lines[0] == "Measured 2026-01-01, cores 2."
    assert "| accept p50, ms | 1.00 [0.50-2.00] | 0.50 [0.25-1.00] | 2.00 [2.00-2.00] | <= 2 x | yes |" in lines
    assert "| accept p99, ms | 3.00 [1.50-6.00] | 1.50 [0.75-3.00] | 2.00 [2.00-2.00] |  |  |" in lines
    assert "| burst, done/s | 1,000 [500-2,000] | 2,000 [1,000-4,000] | 0.50 [0.50-0.50] | >= 0.3 x | yes |" in lines
    assert "| open loop, to terminal p50, p95, p99, ms | 5.00, 10.00, 15.00 | 5.00, 10.00, 15.00 |  |  |  |" in lines


def test_the_manifest_is_compared_with_the_end_of_the_raw_path_which_has_none() -> None:
    """3 ms against 1 ms."""
    [row] = [row for row in table.rows(session()) if row.name == "with manifest p50, ms"]
    assert (row.ratio, row.met) == ("3.00 [3.00-3.00]", False)


def test_cpu_is_judged_with_the_client_and_shown_without_it_too() -> None:
    """Whoever leaves the client out of the sum must say so."""
    found = {row.name: row for row in table.rows(session())}
    assert found["CPU a job, all processes, us"].plane.startswith("150 ")
    assert found["CPU a job, all processes, us"].met
    assert found["CPU a job without the client, us"].plane.startswith("100 ")
    assert found["CPU a job without the client, us"].met is None


def test_every_missed_target_is_named() -> None:
    """The exit code alone would not say what to look at."""
    heavy = session()
    heavy.peaks["ingestion"] = 200.5
    assert table.missed(heavy) == ["with manifest p50, ms", "peak memory: ingestion, MiB"]


def test_memory_of_a_server_is_shown_and_not_judged() -> None:
    """The limit is for services."""
    [row] = [row for row in table.rows(session()) if row.name == "peak memory: kafka, MiB"]
    assert (row.plane, row.target, row.met) == ("300", "", None)


@pytest.mark.parametrize("loss", [{"stored": 5999}, {"dropped": 1}, {"incomplete": 1}])
def test_a_span_that_any_of_the_counts_misses_is_a_lost_span(loss: dict[str, int]) -> None:
    """Jaeger's count, the services' own, and the traces that were read back each suffice."""
    short = session()
    short.spans = replace(SPANS, **loss)
    assert "spans" not in table.missed(session())
    assert "spans" in table.missed(short)


def test_what_disturbed_the_measurement_is_in_the_table() -> None:
    """Figures of a busy machine are not to be taken for the plane's own."""
    [row] = [row for row in table.rows(session()) if row.name == "burst, cores taken by other processes"]
    assert row.plane == row.raw == "0.25 [0.25-0.25]"


def test_fewer_than_five_pairs_are_called_a_trial() -> None:
    """Nobody shall quote them."""
    few, enough = session(), session()
    enough.pairs *= 2
    assert "A trial: fewer than 5 pairs say nothing about the targets." in table.markdown(few)
    assert "A trial" not in table.markdown(enough)


def test_percentiles_are_milliseconds_of_the_sorted_latencies() -> None:
    """Of 0 to 100 ms in any order."""
    found = Percentiles.of([number / 1000 for number in range(100, -1, -1)])
    assert (found.p50, found.p95, found.p99) == pytest.approx((50, 95, 99))


def test_the_report_is_plain_json_with_every_pair() -> None:
    """So that two runs can be compared by a script."""
    shown = json.loads(json.dumps(session().as_dict()))
    assert [pair["plane"]["burst"]["done"] for pair in shown["pairs"]] == [1000, 500, 2000]
