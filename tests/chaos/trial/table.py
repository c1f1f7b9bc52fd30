"""The table of a run of the suite, for people and for programs."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from trial.experiment import Result

from jobforge.native import kafka

HEAD = ("fault", "what happened", "jobs", "lost", "doubled", "visible regressions", "recovery, s", "")


@dataclass(frozen=True, slots=True)
class Header:
    """When and on what the suite ran."""

    date: str
    seed: int
    cores: int
    memory_gb: int
    python: str
    kafka: str

    @classmethod
    def here(cls, seed: int) -> "Header":
        """This machine, now."""
        return cls(
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
            seed=seed,
            cores=psutil.cpu_count() or 0,
            memory_gb=round(psutil.virtual_memory().total / 1e9),
            python=platform.python_version(),
            kafka=kafka.version(),
        )


def markdown(header: Header, results: Sequence[Result]) -> str:
    """The table, and under it whatever was not as promised."""
    about = f"{header.date}, {header.cores} cores, {header.memory_gb} GB, Python {header.python}, Kafka {header.kafka}"
    lines = [f"{about}, seed {header.seed}.", "", f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
    lines += [f"| {' | '.join(_row(result))} |" for result in results]
    failed = [result for result in results if not result.held]
    for result in failed:
        lines += ["", f"**{result.fault}**: replay with `SEED={header.seed} FAULTS={result.fault} make chaos`"]
        lines += [f"- {each}" for each in (*result.problems, *result.verdict.findings)]
    return "\n".join(lines) + "\n"


def write(header: Header, results: Sequence[Result], folder: Path) -> None:
    """Leave the table in ``chaos.md`` and ``chaos.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "chaos.md").write_text(markdown(header, results), encoding="utf-8")
    document = {**asdict(header), "rows": [{**asdict(result), "held": result.held} for result in results]}
    (folder / "chaos.json").write_text(json.dumps(document, indent=1), encoding="utf-8")


def _row(result: Result) -> tuple[str, ...]:
    verdict = result.verdict
    counts = (verdict.jobs, verdict.lost, verdict.doubled, verdict.regressions)
    recovery = "never" if result.recovery is None else f"{result.recovery:.1f}"
    return (
        result.fault,
        result.what,
        *(f"{count:,}" for count in counts),
        recovery,
        "held" if result.held else "**broken**",
    )
