"""The one table that shows a benchmark: each figure, its range, its target and whether that is met."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from ratios.figures import OpenLoop, Percentiles, Session, Side, Spans

ACCEPT_RATIO = 2.0
END_RATIO = 2.0
READ_RATIO = 2.2
BURST_RATIO = 0.3
CPU_A_JOB = 1200.0
"""Microseconds, of all processes together."""
SERVICE_MIB = 200.0
ENOUGH_PAIRS = 5

HEAD = ("figure", "plane", "raw", "ratio", "target", "met")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; ``met`` is None where there is no target."""

    name: str
    plane: str = ""
    raw: str = ""
    ratio: str = ""
    target: str = ""
    met: bool | None = None

    def cells(self) -> tuple[str, ...]:
        """As they are shown."""
        met = {None: "", True: "yes", False: "NO"}[self.met]
        return self.name, self.plane, self.raw, self.ratio, self.target, met


def markdown(session: Session) -> str:
    """What was measured, on what, and the table."""
    asked = session.settings
    about = ", ".join(f"{name} {value}" for name, value in session.machine.items())
    lines = [
        f"{about}.",
        "",
        f"Medians [ranges] of {len(session.pairs)} pairs: {asked.alone} jobs one by one, then a burst of {asked.jobs} "
        f"at concurrency {asked.concurrency}; at the end an open loop of {asked.open_seconds:g} s a side. A ratio is "
        "the median of the pairs' own ratios; all but accepting is compared with raw's end.",
        "",
    ]
    if len(session.pairs) < ENOUGH_PAIRS:
        lines += [f"A trial: fewer than {ENOUGH_PAIRS} pairs say nothing about the targets.", ""]
    lines += [_line(HEAD), "|---|---|---|---|---|---|"]
    return "\n".join([*lines, *(_line(row.cells()) for row in rows(session))]) + "\n"


def missed(session: Session) -> list[str]:
    """The figures that miss their target."""
    return [row.name for row in rows(session) if row.met is False]


def rows(session: Session) -> list[Row]:
    """Every figure."""
    plane, raw = [pair.plane for pair in session.pairs], [pair.raw for pair in session.pairs]
    found = [*_alone(plane, raw), *_burst(plane, raw), *_open(session.open_loops), *_cpu(plane, raw)]
    return [*found, *_memory(session), *([_spans(session.spans)] if session.spans else [])]


def _alone(plane: list[Side], raw: list[Side]) -> Iterator[Row]:
    """Latencies of jobs one by one; only the medians have targets."""
    phases: tuple[tuple[str, Callable[[Side], Percentiles], Callable[[Side], Percentiles], float], ...] = (
        ("accept", lambda side: side.alone.accepted, lambda side: side.alone.accepted, ACCEPT_RATIO),
        ("to terminal", lambda side: side.alone.ended, lambda side: side.alone.ended, END_RATIO),
        ("with manifest", lambda side: side.alone.read or side.alone.ended, lambda side: side.alone.ended, READ_RATIO),
    )
    for name, ours, theirs, target in phases:
        for percentile in ("p50", "p95", "p99"):
            yield _compared(
                f"{name} {percentile}, ms",
                [getattr(ours(side), percentile) for side in plane],
                [getattr(theirs(side), percentile) for side in raw],
                at_most=target if percentile == "p50" else None,
            )


def _burst(plane: list[Side], raw: list[Side]) -> Iterator[Row]:
    accepted, done = [side.burst.accepted for side in plane], [side.burst.done for side in plane]
    yield _compared("burst, accepted/s", accepted, [side.burst.accepted for side in raw])
    yield _compared("burst, done/s", done, [side.burst.done for side in raw], at_least=BURST_RATIO)
    ours, theirs = _shown([side.others for side in plane]), _shown([side.others for side in raw])
    yield Row("burst, cores taken by other processes", ours, theirs)


def _open(loops: dict[str, OpenLoop]) -> Iterator[Row]:
    """Once a side, each at half of its own burst, so that there is nothing to divide."""
    shown = {name: _open_cells(loop) for name, loop in loops.items()}
    if shown:
        plane, raw = shown["plane"], shown["raw"]
        yield from (Row(f"open loop, {name}", plane[name], raw[name]) for name in plane)


def _open_cells(loop: OpenLoop) -> dict[str, str]:
    cells = {"due/s": _number(loop.due), "done/s": _number(loop.done)}
    for name, found in (("accept", loop.latencies.accepted), ("to terminal", loop.latencies.ended)):
        cells[f"{name} p50, p95, p99, ms"] = ", ".join(_number(value) for value in (found.p50, found.p95, found.p99))
    return cells


def _cpu(plane: list[Side], raw: list[Side]) -> Iterator[Row]:
    """By process, the most expensive first."""
    ours = [sum(side.cpu.values()) for side in plane]
    yield _compared("CPU a job, all processes, us", ours, [sum(side.cpu.values()) for side in raw], limit=CPU_A_JOB)
    yield _compared("CPU a job without the client, us", _without_client(plane), _without_client(raw))
    costs = {
        name: [[side.cpu[name] for side in sides if name in side.cpu] for sides in (plane, raw)]
        for name in dict.fromkeys([*plane[0].cpu, *raw[0].cpu])
    }
    for name, (of_plane, of_raw) in sorted(costs.items(), key=lambda item: -median(item[1][0] or [0])):
        yield Row(f"CPU a job: {name}, us", _shown(of_plane), _shown(of_raw))


def _without_client(sides: list[Side]) -> list[float]:
    return [sum(spent for name, spent in side.cpu.items() if name != "client") for side in sides]


def _memory(session: Session) -> Iterator[Row]:
    for name, peak in session.peaks.items():
        judged = name in session.services
        target = f"<= {SERVICE_MIB:g}" if judged else ""
        yield Row(
            f"peak memory: {name}, MiB", _number(peak), target=target, met=peak <= SERVICE_MIB if judged else None
        )
    for name, seconds in session.starts.items():
        yield Row(f"start to ready: {name}, s", _number(seconds))


def _spans(spans: Spans) -> Row:
    stored = f"{spans.lost} lost: {spans.stored:,} stored of {spans.expected:,}, {spans.dropped} dropped"
    sample = f"{spans.sampled - spans.incomplete} of {spans.sampled} sampled traces whole"
    return Row("spans", f"{stored}; {sample}", target="none lost", met=spans.lost <= 0 and not spans.incomplete)


def _compared(
    name: str,
    plane: list[float],
    raw: list[float],
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    limit: float | None = None,
) -> Row:
    """``at_most`` and ``at_least`` are for the ratio, ``limit`` is for the plane's own median."""
    ratios = [ours / theirs for ours, theirs in zip(plane, raw, strict=True)]
    target, met = "", None
    if at_most is not None:
        target, met = f"<= {at_most:g} x", median(ratios) <= at_most
    if at_least is not None:
        target, met = f">= {at_least:g} x", median(ratios) >= at_least
    if limit is not None:
        target, met = f"<= {limit:,.0f}", median(plane) <= limit
    return Row(name, _shown(plane), _shown(raw), _shown(ratios), target, met)


def _shown(values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{_number(median(values))} [{_number(min(values))}-{_number(max(values))}]"


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
