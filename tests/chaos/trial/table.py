"""The table of a run of the suite, for people and for programs."""

import json
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil

from jobforge.native import kafka
from trial.experiment import Result

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

    def sentence(self) -> str:
        """All of it in a line."""
        machine = f"{self.cores} cores, {self.memory_gb} GB, Python {self.python}, Kafka {self.kafka}"
        return f"{self.date}, {machine}, seed {self.seed}."


@dataclass(frozen=True, slots=True)
class Report:
    """The rows so far; each new one is written to ``chaos.md`` and ``chaos.json`` in ``folder`` at once."""

    header: Header
    folder: Path
    results: list[Result] = field(default_factory=list)

    @property
    def held(self) -> bool:
        """Whether every row held."""
        return all(result.held for result in self.results)

    def add(self, result: Result) -> None:
        """One more row."""
        self.results.append(result)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "chaos.md").write_text(self.markdown(), encoding="utf-8")
        document = {**asdict(self.header), "rows": [{**asdict(each), "held": each.held} for each in self.results]}
        (self.folder / "chaos.json").write_text(json.dumps(document, indent=1), encoding="utf-8")

    def markdown(self, *, last: int = 0) -> str:
        """The table, or its last rows, and under it whatever was not as promised."""
        results = self.results[-last:]
        lines = [self.header.sentence(), "", f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
        lines += [f"| {' | '.join(_row(result))} |" for result in results]
        for result in results:
            if not result.held:
                again = f"SEED={self.header.seed} FAULTS={result.fault} make chaos"
                lines += ["", f"**{result.fault}** (again: `{again}`)", ""]
                lines += [f"- {each}" for each in (*result.problems, *result.verdict.findings, *result.notes)]
        return "\n".join(lines) + "\n"


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
