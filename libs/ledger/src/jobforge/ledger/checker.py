"""The history checker: reads a plane's log once, partition by partition, and says which promises it breaks.

Memory is bounded by the runs of one partition, not by the log: all topics of a run share a partition number, so a
partition's runs are judged and forgotten before the next one is read. What is looked up across partitions (clients'
and effect sinks' logs, dead letters) lies in a temporary file.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from jobforge.contracts.identity import partition_of, run_id_for_key, run_key
from jobforge.contracts.topics import MANIFESTS
from jobforge.ledger.evidence import Evidence
from jobforge.ledger.findings import Finding, Report
from jobforge.ledger.judgement import Place
from jobforge.ledger.looking_further import Artifacts, View, check_artifacts, check_view
from jobforge.ledger.part import FOLDED, Part, spans_of
from jobforge.ledger.records import Bounds, History, Record
from jobforge.ledger.replays import NotReplayable, replay_of

READABLE = frozenset({"job.attempts_exhausted"})
"""Reasons of dead letters that were readable requests, and so can be replayed."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What to judge. ``settled``: nothing may be in flight any more. ``tenant``: only this one's runs."""

    settled: bool = False
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a check is: records read, of how many."""

    read: int
    of: int


async def check(
    history: History,
    evidence: Evidence,
    *,
    scope: Scope | None = None,
    artifacts: Artifacts | None = None,
    view: View | None = None,
    told: Callable[[Progress], None] = lambda progress: None,
) -> Report:
    """Look at everything that the log holds now. Load the logs into ``evidence`` before, so that none is newer."""
    scope = scope or Scope()
    report = Report()
    bounds = await history.bounds()
    total = sum(end - first for first, end in bounds.spans.values())

    async def read(partition: int, *topics: str) -> AsyncIterator[Sequence[Record]]:
        async for records in history.read(spans_of(bounds, partition, topics)):
            report.records += len(records)
            told(Progress(report.records, total))
            yield records

    for topic in bounds.topics("dead"):
        for _, partition in [span for span in bounds.spans if span[0] == topic]:
            async for records in read(partition, topic):
                evidence.add_dead(records)
    report.add(_replayable(evidence, report, scope))
    for partition in range(bounds.partitions):
        part = Part(bounds, partition, evidence, artifacts=artifacts is not None)
        async for records in read(partition, *bounds.topics(*FOLDED)):
            report.add(part.add(records))
        runs = part.judge(report, settled=scope.settled, tenant=scope.tenant)
        if artifacts is not None:
            report.add([finding async for finding in check_artifacts(artifacts, runs, report)])
        if view is not None:
            report.add([finding async for finding in check_view(view, runs, report)])
    report.add(_across(evidence, bounds, report, scope))
    report.notes += _notes(bounds)
    return report


def _replayable(evidence: Evidence, report: Report, scope: Scope) -> Iterator[Finding]:
    for letter in evidence.dead_letters():
        owner = letter.tenant
        if scope.tenant not in (None, owner):
            continue
        report.looked["I10"] += 1
        if letter.reason not in READABLE:
            continue
        try:
            replay_of(letter)
        except NotReplayable as error:
            yield Finding("I10", f"it cannot be replayed: {error}", owner, at=(str(letter.position),))


def _across(evidence: Evidence, bounds: Bounds, report: Report, scope: Scope) -> Iterator[Finding]:
    """What no single partition shows."""
    for run, tenant, template, key in evidence.calls_accepted():
        if scope.tenant not in (None, tenant):
            continue
        report.looked["I8"] += 1
        named = run_id_for_key(tenant, template, key)
        if run != str(named):
            yield Finding("I8", f"the key {key!r:.100} names run {named}, and another was accepted", tenant, run)
    for run, tenant in evidence.never_met():
        if scope.tenant not in (None, tenant):
            continue
        partition = partition_of(run_key(tenant, UUID(run)), max(bounds.partitions, 1))
        if Place(bounds, partition, 0).whole("jobs"):
            yield Finding("I1", "a client was told it is accepted, and the log does not hold it", tenant, run)
    if evidence.has_effects_log:
        report.looked["I3"] += evidence.effects()
        for effect, count, maker, owner in evidence.doubled_effects():
            if scope.tenant in (None, owner):
                yield Finding("I3", f"the effect {effect!r:.100} was visible {count} times", owner, maker)


def _notes(bounds: Bounds) -> Iterator[str]:
    trimmed = sorted({topic for (topic, _), (first, _) in bounds.spans.items() if first and topic != MANIFESTS.name})
    if trimmed:
        yield f"older records were deleted from {', '.join(trimmed)}: what only they could show is not judged"
