"""One partition of a plane: its runs are folded from all topics that share the number, judged, and forgotten."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from jobforge.contracts.base import JsonObject
from jobforge.contracts.identity import parse_run_key
from jobforge.contracts.manifest import content_digest
from jobforge.ledger.evidence import Evidence
from jobforge.ledger.findings import Finding, Report
from jobforge.ledger.judgement import Place, Standing, judge, standing
from jobforge.ledger.records import Bounds, Kind, Position, Record, kind_of, object_in
from jobforge.ledger.run_state import RunState
from jobforge.ledger.sightings import judge_effects, judge_reads

FOLDED: tuple[Kind, ...] = ("jobs", "retry", "runs", "manifests")


class Ended(NamedTuple):
    """A run that ended."""

    tenant: str
    name: str
    run: RunState


class Part:
    """The runs of one partition. ``artifacts``: whether to keep what their bytes are checked against."""

    def __init__(self, bounds: Bounds, partition: int, evidence: Evidence, *, artifacts: bool = False) -> None:
        self._bounds = bounds
        self._evidence = evidence
        self._artifacts = artifacts
        self._horizon: int | None = None
        self._kinds: dict[str, Kind | None] = {}
        self.partition = partition
        self.runs: dict[bytes, RunState] = {}
        self.records = 0
        topics = bounds.topics(*FOLDED)
        self._set_aside: Mapping[str, Mapping[int, list[Position]]] = {
            topic: evidence.dead_of(topic, partition) for topic in topics
        }
        self._met: set[tuple[str, int]] = set()

    def add(self, records: Sequence[Record]) -> Iterator[Finding]:
        """Fold records of any of the partition's topics, each topic in order; what is wrong at sight is given."""
        self.records += len(records)
        for record in records:
            if record.offset in self._set_aside.get(record.topic, ()):
                yield from self._compare(record)
            kind = self._kinds.get(record.topic) or self._kinds.setdefault(record.topic, kind_of(record.topic))
            if kind == "runs" and self._horizon is None:
                first, _ = self._bounds.spans.get((record.topic, self.partition), (0, 0))
                self._horizon = record.timestamp if first > 0 else 0
            if record.key is not None:
                self._fold(kind, record, record.key)

    def _fold(self, kind: Kind | None, record: Record, key: bytes) -> None:
        run = self.runs.get(key)
        if run is None:
            if parse_run_key(key) is None:
                return
            run = self.runs[key] = RunState()
        if kind == "retry":
            run.add_wait(record)  # copied unread by who moves it, and so here
            return
        found = object_in(record.value)
        if found is not None and "tenant_id" not in found and "run_id" not in found:
            found = None  # it names nobody: as unreadable as bytes that are no JSON
        if found is not None and b"%s:%s" % (_bytes(found, "tenant_id"), _bytes(found, "run_id")) != key:
            run.misplaced += (record.position,)
            return
        if kind == "jobs":
            run.add_request(record, found)
        elif found is not None and kind == "runs":
            folder = f"artifacts/{key.decode().replace(':', '/')}"
            run.add_fact(record, found, folder=folder, artifacts=self._artifacts)
        elif found is not None and kind == "manifests" and found.get("status") != "pending":
            run.add_snapshot(record, found, _digest(found))

    def judge(self, report: Report, *, settled: bool) -> list[Ended]:
        """Judge every run into the report; gives those that ended, to be looked at further."""
        ended: list[Ended] = []
        place = Place(self._bounds, self.partition, self._horizon or 0)
        for key, run in self.runs.items():
            owner, _, name = key.decode().rpartition(":")
            if not report.concerns(owner):
                continue
            stands = standing(run, place)
            _count(report, owner, run, stands)
            report.add(
                judge(
                    run,
                    stands,
                    place,
                    settled=settled,
                    key=key,
                    dead_at=self._evidence.dead_at,
                    set_aside=lambda topic, offset: offset in self._set_aside.get(topic, {}),
                )
            )
            if not stands.too_old:
                self._judge_logs(report, owner, name, run, accepted=stands.accepted)
            if run.end is not None:
                ended.append(Ended(owner, name, run))
        report.add(self._never_met())
        return ended

    def _judge_logs(self, report: Report, tenant: str, name: str, run: RunState, *, accepted: bool) -> None:
        if self._evidence.has_client_log:
            accepted_at = self._evidence.accepted_at(name)
            if accepted and accepted_at is not None:
                self._evidence.meet(name)
            reads = self._evidence.reads_of(name)
            report.looked["I2"] += len(reads)
            report.looked["I5"] += len(reads)
            report.add(judge_reads(reads, run, tenant=tenant, name=name, accepted_at=accepted_at))
        if self._evidence.has_effects_log:
            report.add(judge_effects(self._evidence.effects_of(name, tenant), run, tenant=tenant, name=name))

    def _compare(self, record: Record) -> Iterator[Finding]:
        self._met.add((record.topic, record.offset))
        for position in self._set_aside[record.topic][record.offset]:
            letter = self._evidence.dead_at(position)
            if letter is not None and not letter.keeps(record):
                named = parse_run_key(record.key)
                tenant, run = (named[0], str(named[1])) if named else (None, None)
                at = (str(position), str(record.position))
                yield Finding("I10", "the dead letter is not byte-equal to its original", tenant, run, at)

    def _never_met(self) -> Iterator[Finding]:
        """Dead letters whose original should be here: it was neither deleted nor written after the look began."""
        for topic, offsets in self._set_aside.items():
            first, end = self._bounds.spans[topic, self.partition]
            for offset, positions in offsets.items():
                if first <= offset < end and (topic, offset) not in self._met:
                    original = str(Position(topic, self.partition, offset))
                    yield Finding("I10", "a dead letter without an original", at=(*map(str, positions), original))


def _count(report: Report, tenant: str, run: RunState, stands: Standing) -> None:
    report.looked.update({"I5": 1, "I8": len(run.bodies) and 1, "I4": run.starts and 1})
    if stands.too_old:
        report.too_old += 1
        return
    report.repeated_ends += max(0, run.ends - 1)
    report.looked.update({"I7": len(run.snapshots), "I9": run.ends and 1, "I6": run.end is not None and 1})
    if stands.accepted:
        tally = report.tally(tenant)
        tally.accepted += 1
        tally.ended += stands.ended
        tally.in_flight += not (stands.ended or stands.owed)
        report.looked.update({"I1": 1, "I11": 1})


def _bytes(found: JsonObject, name: str) -> bytes:
    return str(found.get(name)).encode()


def _digest(found: JsonObject) -> str:
    try:
        return content_digest(found)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def spans_of(bounds: Bounds, partition: int, topics: Iterable[str]) -> dict[tuple[str, int], tuple[int, int]]:
    """The spans of one partition of these topics."""
    return {
        (topic, partition): bounds.spans[topic, partition] for topic in topics if (topic, partition) in bounds.spans
    }
