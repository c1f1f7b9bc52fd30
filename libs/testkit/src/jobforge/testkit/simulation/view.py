"""The simulated view: a projection with a watermark in a store that forgets, its snapshots, and its reads."""

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from jobforge.contracts.jobs import Job
from jobforge.contracts.manifest import Artifact, RunManifest, Timings
from jobforge.contracts.runs import RUN_RECORDS, Outcome, RunRetrying, RunStarted, RunSucceeded
from jobforge.ledger.records import Record, object_in
from jobforge.testkit.simulation.log import JOBS, MANIFESTS, PARTITIONS, RUNS, SLOW

if TYPE_CHECKING:
    from jobforge.testkit.simulation.plane import SimulatedPlane

GROUP = "manifest"
TOPICS = (RUNS, JOBS, SLOW)
Part = tuple[str, int]


@dataclass
class Store:
    """What Redis holds."""

    marks: dict[Part, int] = field(default_factory=dict)
    rows: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


class Unavailable(Exception):
    """503."""


class SimulatedView:
    """Projector and reads of one process."""

    def __init__(self, plane: "SimulatedPlane") -> None:
        self._plane = plane
        self.store = Store()
        self._kept = Store()
        self._next: dict[Part, int] = {}
        self._highest: dict[Part, int] = {}

    def restart(self) -> None:
        """Killed and started again: it goes on at the lower of watermark and commit. Its twin keeps what was shown."""
        self._next.clear()
        if self._plane.has("no_watermark"):
            return
        for part in self._parts():
            committed = self._plane.log.committed(GROUP, *part)
            self._next[part] = min(self.store.marks.get(part, 0), committed)

    def flush(self) -> None:
        """Everything in the store is gone."""
        self.store = Store()

    def save(self) -> None:
        """Keep a copy to roll back to."""
        self._kept = copy.deepcopy(self.store)

    def roll_back(self) -> None:
        """The store is as it was."""
        self.store = copy.deepcopy(self._kept)

    def has_ended(self, tenant: str, run_id: UUID) -> bool:
        """Whether the store knows its end; what it forgot is worked on again."""
        return "manifest" in self.store.rows.get((tenant, str(run_id)), {})

    def step(self) -> bool:
        """Apply one record of one partition."""
        parts = [part for part in self._parts() if self._at(part) < len(self._plane.log.records[part])]
        if not parts:
            return False
        part = self._plane.random.choice(parts)
        offset = self._at(part)
        mark = self.store.marks.get(part, 0)
        if offset > mark and not self._plane.has("no_watermark"):
            self._next[part] = mark  # a gap: the store forgot something
            return True
        record = self._plane.log.records[part][offset]
        published = self._apply(record)
        if not published and not self._plane.has("commit_before_snapshot"):
            return True  # its snapshot is not acknowledged: again
        self.store.marks[part] = max(mark, offset + 1)
        self._next[part] = offset + 1
        self._plane.log.commit(GROUP, *part, max(offset + 1, self._plane.log.committed(GROUP, *part)))
        return True

    def _apply(self, record: Record) -> bool:
        """Fold a record; False when its snapshot was not acknowledged."""
        found = object_in(record.value)
        if found is None:
            return True
        row = self.store.rows.setdefault((found["tenant_id"], found["run_id"]), {"status": "queued", "attempt": 0})
        if record.topic != RUNS:
            row["asked"] = True
            return True
        fact = RUN_RECORDS.validate_json(record.value or b"")
        if "manifest" in row:
            if not isinstance(fact, Outcome):
                return True
            if row["end"] != record.offset and not self._plane.has("last_end_wins"):
                return True
        row["attempt"] = max(row["attempt"], fact.attempt)
        if isinstance(fact, RunStarted):
            row["status"] = "running"
        elif isinstance(fact, RunRetrying):
            row["status"] = "retrying"
        elif isinstance(fact, Outcome):
            row["status"] = "succeeded" if isinstance(fact, RunSucceeded) else "failed"
            row["end"], row["manifest"] = record.offset, _manifest(fact)
            return self._plane.log.send(MANIFESTS, record.key, row["manifest"].to_bytes()) is not None
        return True

    def read(self, tenant: str, run_id: UUID, partition: int, what: str) -> Job | RunManifest | None:
        """What a reader is answered; None is 404; raises ``Unavailable``."""
        leaks, careless = self._plane.has("any_tenant"), self._plane.has("no_watermark")
        for part in [(topic, partition) for topic in TOPICS]:
            mark = self.store.marks.get(part)
            if not careless:
                if self._plane.has("reads_while_rebuilding"):
                    continue
                if (mark or 0) < self._highest.get(part, 0) or (mark is None and self._plane.log.records[part]):
                    raise Unavailable
                self._highest[part] = mark or 0
        names = [tenant, "a", "b"] if leaks else [tenant]
        row = next(
            (self.store.rows[name, str(run_id)] for name in names if (name, str(run_id)) in self.store.rows), None
        )
        if row is None or not (row.get("asked") or row["attempt"]):
            ends = {(topic, partition): len(self._plane.log.records[topic, partition]) for topic in TOPICS}
            behind = any(self.store.marks.get(part, 0) < end for part, end in ends.items())
            if behind and not (careless or self._plane.has("reads_while_rebuilding")):
                raise Unavailable
            return None
        manifest: RunManifest | None = row.get("manifest")
        holder = manifest.tenant_id if manifest else tenant
        place = f"{RUNS}/{partition}@{self.store.marks.get((RUNS, partition), 0)}"
        if what == "manifest":
            return manifest or RunManifest(run_id=run_id, tenant_id=tenant, status="pending")
        return Job(
            id=run_id,
            tenant_id=holder,
            template_key="echo.x.y",
            status=row["status"],
            attempt=row["attempt"],
            as_of=place,
        )

    def _at(self, part: Part) -> int:
        if self._plane.has("no_watermark"):
            return self._next.get(part, self._plane.log.committed(GROUP, *part))
        return self._next.get(part, 0)

    def _parts(self) -> list[Part]:
        return [(topic, number) for topic in TOPICS for number in range(PARTITIONS)]


def _manifest(end: Outcome) -> RunManifest:
    succeeded = isinstance(end, RunSucceeded)
    return RunManifest(
        run_id=end.run_id,
        tenant_id=end.tenant_id,
        status="complete" if succeeded else "failed",
        outputs=end.outputs if isinstance(end, RunSucceeded) else None,
        artifacts=tuple(Artifact(**one.model_dump()) for one in end.artifacts) if isinstance(end, RunSucceeded) else (),
        timings=Timings(finished_at=end.finished_at),
        error=getattr(end, "error", None),
    ).sealed()
