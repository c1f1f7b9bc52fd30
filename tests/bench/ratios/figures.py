"""The figures of a benchmark as plain values."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import quantiles
from typing import Any, Self

MS = 1000.0


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of latencies, in milliseconds."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Self:
        """Of at least two latencies in seconds."""
        cuts = quantiles(seconds, n=100, method="inclusive")
        return cls(cuts[49] * MS, cuts[94] * MS, cuts[98] * MS)


@dataclass(frozen=True, slots=True)
class Latencies:
    """From the start of each request: until it was accepted, until its end, until its manifest was read."""

    accepted: Percentiles
    ended: Percentiles
    read: Percentiles | None = None


@dataclass(frozen=True, slots=True)
class Burst:
    """Requests a second, until the last one was accepted and until the last one ended."""

    accepted: float
    done: float


@dataclass(frozen=True, slots=True)
class Side:
    """What one side of a pair reached; CPU in microseconds a job, by process."""

    alone: Latencies
    burst: Burst
    cpu: dict[str, float]
    others: float
    """Cores that processes outside the benchmark took during the burst: what disturbed it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The plane and the raw path, measured right after each other."""

    plane: Side
    raw: Side


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Requests that start on time, whatever became of the earlier ones; latencies count from when each was due."""

    due: float
    """Requests a second that were due."""
    done: float
    """Requests a second that ended, from the first one's start to the last one's end."""
    latencies: Latencies


@dataclass(frozen=True, slots=True)
class Spans:
    """What was recorded, and what Jaeger says of it."""

    expected: int
    """Of a whole trace, for every job."""
    stored: int
    """What Jaeger counted as stored."""
    dropped: int
    """What the services counted as lost."""
    sampled: int
    """Traces read back from Jaeger."""
    incomplete: int
    """Those with a span too few or too many, or without its parent."""

    @property
    def lost(self) -> int:
        """Spans that are in no trace, by whichever count is worse."""
        return max(self.expected - self.stored, self.dropped)


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is measured."""

    jobs: int
    pairs: int
    alone: int
    open_seconds: float
    concurrency: int


@dataclass(slots=True)
class Session:
    """Everything one run of the benchmark measured."""

    settings: Settings
    machine: dict[str, str]
    pairs: list[Pair] = field(default_factory=list)
    open_loops: dict[str, OpenLoop] = field(default_factory=dict)
    """Of ``plane`` and ``raw``."""
    peaks: dict[str, float] = field(default_factory=dict)
    """Most memory that was ever resident, in MiB, by process."""
    services: tuple[str, ...] = ()
    """Which of the processes are services of the plane."""
    starts: dict[str, float] = field(default_factory=dict)
    """Seconds from a service's start until it was ready."""
    spans: Spans | None = None

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, with every pair, for JSON."""
        return asdict(self)
