"""The verdict on a trial: what the history checker says of the log, of what clients saw, and of effects outside."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from jobforge.ledger.artifact_bytes import ArtifactBytes
from jobforge.ledger.checker import Scope, check
from jobforge.ledger.evidence import Evidence
from jobforge.ledger.findings import Finding, Report
from jobforge.ledger.kafka_history import connected

DOUBLED = frozenset({"I3", "I8"})
SEEN_WRONG = frozenset({"I2", "I4", "I5"})
SHOWN = 20
"""Findings that the table spells out."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the accepted requests."""

    jobs: int
    lost: int
    """Runs without their one end."""
    doubled: int
    """Runs with two ends that can be seen, and effects and keys that came twice."""
    regressions: int
    """Answers that took back what an earlier one had said, or showed what they must not."""
    findings: tuple[str, ...]
    """Everything that the checker found, in words."""
    repeated_ends: int
    """Ends after the first of their run, which changed nothing."""


async def judge(bootstrap: str, *, clients: Path, effects: Path, artifacts: str, jobs: int) -> Verdict:
    """Check the whole log, in which nothing may be in flight any more."""
    with closing(Evidence()) as evidence:
        evidence.load(client_log=clients, effects_log=effects)
        store = ArtifactBytes(artifacts)
        async with connected(bootstrap) as history:
            report = await check(history, evidence, scope=Scope(settled=True), artifacts=store)
    return _verdict(report, jobs)


def _verdict(report: Report, jobs: int) -> Verdict:
    lost, doubled, regressions = set[str | None](), 0, 0
    for finding in report.findings:
        if finding.invariant in SEEN_WRONG:
            regressions += 1
        elif finding.invariant in DOUBLED or "different terminal manifests" in finding.what:
            doubled += 1
        elif finding.invariant in ("I1", "I11"):
            lost.add(finding.run)
    shown = tuple(_words(finding) for finding in report.findings[:SHOWN])
    return Verdict(jobs, len(lost), doubled, regressions, shown, report.repeated_ends)


def _words(finding: Finding) -> str:
    where = f" ({', '.join(finding.at)})" if finding.at else ""
    return f"{finding.invariant} {finding.tenant}:{finding.run} {finding.what}{where}"
