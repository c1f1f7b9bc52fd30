"""The figures of a benchmark, and the one table that shows them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

MS = 1000.0


@dataclass(frozen=True, slots=True)
class Latencies:
    """Seconds from the start of each request: until it was accepted, until its end, until its manifest was read."""

    accepted: Sequence[float]
    ended: Sequence[float]
    read: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """What one side of a pair reached; CPU in microseconds a job, by process."""

    accepted_ms: float
    ended_ms: float
    read_ms: float | None
    done_per_second: float
    cpu: dict[str, float]

    @classmethod
    def of(cls, latencies: Latencies, done_per_second: float, cpu: dict[str, float]) -> "Side":
        """Medians of one run."""
        return cls(
            median(latencies.accepted) * MS,
            median(latencies.ended) * MS,
            median(latencies.read) * MS if latencies.read else None,
            done_per_second,
            cpu,
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """The plane and the raw path, measured right after each other."""

    plane: Side
    raw: Side


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a service takes: seconds from its start to ready, MB resident when idle and after the last pair."""

    start: float
    idle: float
    after: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one run of the benchmark measured."""

    jobs: int
    one_by_one: int
    concurrency: int
    pairs: list[Pair] = field(default_factory=list)
    footprints: dict[str, Footprint] = field(default_factory=dict)

    def markdown(self) -> str:
        """One table; plane and raw are medians of the pairs, the ratio is the median of the pairs' ratios."""
        title = f"Medians of {len(self.pairs)} pairs: {self.one_by_one} jobs one by one, then {self.jobs} jobs at "
        lines = [f"{title}concurrency {self.concurrency}.", "", "| figure | plane | raw | ratio | target | stretch |"]
        lines.append("|---|---|---|---|---|---|")
        lines += [f"| {' | '.join(row)} |" for row in self._rows()]
        return "\n".join(lines) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, with every pair, for JSON."""
        return asdict(self)

    def _rows(self) -> Iterator[tuple[str, ...]]:
        plane, raw = [pair.plane for pair in self.pairs], [pair.raw for pair in self.pairs]
        to_end = [side.ended_ms for side in raw]
        with_manifest = [side.read_ms or 0.0 for side in plane]
        done = [side.done_per_second for side in plane]
        yield _compared(
            "accept p50, ms", [side.accepted_ms for side in plane], [s.accepted_ms for s in raw], "1.8", "1.4"
        )
        yield _compared("p50 to terminal state, ms", [side.ended_ms for side in plane], to_end, "1.75", "1.4")
        yield _compared("p50 with GET manifest, ms", with_manifest, to_end, "1.9", "1.5")
        yield _compared("burst, done/s", done, [side.done_per_second for side in raw], "0.4", "0.55")
        yield _compared("CPU, us a job, all processes", _summed(plane), _summed(raw), "950 us", "750 us")
        for name in plane[0].cpu:
            yield f"CPU of {name}, us a job", _shown([side.cpu[name] for side in plane]), "", "", "", ""
        for name in raw[0].cpu:
            yield f"CPU of raw {name}, us a job", "", _shown([side.cpu[name] for side in raw]), "", "", ""
        for name, taken in self.footprints.items():
            yield f"{name}: resident idle, after, MB", f"{taken.idle:.0f}, {taken.after:.0f}", "", "", "", ""
        for name, taken in self.footprints.items():
            yield f"{name}: start to ready, s", f"{taken.start:.1f}", "", "", "", ""


def _compared(name: str, plane: list[float], raw: list[float], target: str, stretch: str) -> tuple[str, ...]:
    ratio = median(ours / theirs for ours, theirs in zip(plane, raw, strict=True))
    return name, _shown(plane), _shown(raw), f"{ratio:.2f}", target, stretch


def _summed(sides: list[Side]) -> list[float]:
    return [sum(side.cpu.values()) for side in sides]


def _shown(values: list[float]) -> str:
    middle = median(values)
    return f"{middle:.2f}" if middle < 100 else f"{middle:,.0f}"
