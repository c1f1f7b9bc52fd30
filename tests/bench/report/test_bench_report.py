"""The benchmark's report shows ratios of pairs, and says what it could not compare."""

import json

from ratios.figures import Footprint, Latencies, Pair, Report, Side


def side(speed: float, *, read: bool) -> Side:
    """One side whose latencies are 1, 2 and 3 ms at speed 1."""
    seconds = 0.001 / speed
    latencies = Latencies([seconds], [2 * seconds], [3 * seconds] if read else ())
    return Side.of(latencies, 1000 * speed, {"kafka": 100 / speed, "client": 50 / speed})


def report() -> Report:
    """The raw path is twice as fast as the plane, on a machine whose own speed changes."""
    pairs = [Pair(side(speed, read=True), side(2 * speed, read=False)) for speed in (1, 0.5, 2)]
    return Report(1000, 100, 50, pairs, {"ingestion": Footprint(1.25, 70.4, 90.6)})


def test_the_table_shows_medians_and_the_ratio_of_each_pair() -> None:
    """A machine that slows down between pairs changes the columns, not the ratio."""
    lines = report().markdown().splitlines()
    assert "| accept p50, ms | 1.00 | 0.50 | 2.00 | 1.8 | 1.4 |" in lines
    assert "| p50 with GET manifest, ms | 3.00 | 1.00 | 3.00 | 1.9 | 1.5 |" in lines
    assert "| burst, done/s | 1,000 | 2,000 | 0.50 | 0.4 | 0.55 |" in lines
    assert "| CPU, us a job, all processes | 150 | 75.00 | 2.00 | 950 us | 750 us |" in lines
    assert "| ingestion: resident idle, after, MB | 70, 91 |  |  |  |  |" in lines


def test_the_report_is_plain_json_with_every_pair() -> None:
    """So that two runs can be compared by a script."""
    shown = json.loads(json.dumps(report().as_dict()))
    assert [pair["plane"]["done_per_second"] for pair in shown["pairs"]] == [1000, 500, 2000]
