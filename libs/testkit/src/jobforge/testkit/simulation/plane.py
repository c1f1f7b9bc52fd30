"""The whole simulated plane: clients, workers, scheduler, view and an effect sink, stirred by one seed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from jobforge.contracts.delivery import Delivery
from jobforge.contracts.identity import partition_of, run_id_for_key, run_key
from jobforge.contracts.jobs import Job, JobError, JobRequested
from jobforge.contracts.manifest import RunManifest
from jobforge.contracts.runs import RunFailed
from jobforge.ledger.client_log import ClientLog
from jobforge.ledger.effects_log import EffectsLog
from jobforge.testkit.run_records import AT, ENVIRONMENT, TEMPLATE, requested, snapshot
from jobforge.testkit.simulation.log import JOBS, PARTITIONS, RETRY, RUNS, SLOW, SimulatedLog
from jobforge.testkit.simulation.view import SimulatedView, Unavailable
from jobforge.testkit.simulation.worker import GROUP, SimulatedWorker, all_partitions

DEFECTS: dict[str, str] = {
    "commit_first": "an offset counts as done when its job begins",
    "commit_highest": "the highest finished offset is committed, not the low watermark",
    "commit_before_retry": "the offset is done before the retry is acknowledged",
    "last_end_wins": "a later terminal record replaces the first",
    "best_effort_dead_letter": "a dead letter that is not acknowledged is not sent again",
    "dead_letter_written_anew": "a dead letter is parsed and written again",
    "no_watermark": "the projection trusts its own position, and reads trust the store",
    "reads_while_rebuilding": "a view that is behind answers",
    "random_run_ids": "a run's id does not come from its key",
    "key_of_attempt": "the attempt is part of an effect's key",
    "closes_what_waits": "the scheduler closes runs that never began",
    "shared_place": "every claim writes its artifacts to one place",
    "any_tenant": "a run is shown to whoever knows its id",
    "one_attempt_more": "one attempt more than was granted",
    "conflict_swallowed": "a second body under a key is dropped",
    "commit_before_snapshot": "the view commits before its snapshot is acknowledged",
}
"""What can be made wrong on purpose."""
REQUESTS = 8
TENANTS = ("a", "b")


@dataclass(frozen=True)
class Wanted:
    """One request that a client sends until it is accepted."""

    tenant: str
    key: str
    inputs: dict[str, Any]


class SimulatedPlane:
    """Runs by itself with ``stir`` and ``settle``; then ``log`` and the two files are its history."""

    def __init__(self, seed: int, folder: Path, *, defects: Iterable[str] = ()) -> None:
        self.random = Random(seed)  # noqa: S311 - it must be repeatable
        self._defects = frozenset(defects)
        self.log = SimulatedLog(self.random)
        self.client_log, self.effects_log = folder / f"client-{seed}.ndjson", folder / f"effects-{seed}.ndjson"
        self._client = ClientLog(self.client_log, client="c", clock=lambda: float(self.now))
        self._effects = EffectsLog(self.effects_log, clock=lambda: float(self.now))
        self.view = SimulatedView(self)
        self.stored: dict[str, str] = {}
        """Digest of the bytes at each location of the artifact store."""
        self._workers = [SimulatedWorker(self, name) for name in ("w1", "w2")]
        for index, at in enumerate(all_partitions()):
            self._workers[index % 2].take(at)
        self._owner = {at: self._workers[index % 2] for index, at in enumerate(all_partitions())}
        self._wanted: list[Wanted] = []
        self._asked = 0
        self._accepted: dict[UUID, str] = {}
        self._bodies: dict[UUID, str] = {}
        self._keys: set[str] = set()

    @property
    def now(self) -> int:
        """Steps until now."""
        return self.log.now

    def at(self) -> datetime:
        """The time now: a step is a millisecond."""
        return AT + timedelta(milliseconds=self.now)

    def has(self, defect: str) -> bool:
        """Whether it was built with this defect."""
        assert defect in DEFECTS
        return defect in self._defects

    async def sha256(self, location: str) -> str | None:
        """The artifact store, as the checker asks it."""
        return self.stored.get(location)

    def stir(self, steps: int) -> None:
        """Let everything happen, and everything go wrong."""
        acts = (self._send, self._work, self.view.step, self._read, self._move, self._close_late, self._fault)
        for _ in range(steps):
            self.log.now += 1
            self.random.choices(acts, weights=(8, 50, 24, 8, 4, 2, 4))[0]()

    def settle(self) -> None:
        """No more faults: send what is wanted, and go on until nothing is left to do."""
        self.log.faults = False
        idle = 0
        while idle < 40:
            self.log.now += 1
            busy = [self._send(), *(worker.step() for worker in self._workers), self.view.step(), self._move()]
            self._read()
            idle = 0 if any(busy) else idle + 1
        self._client.close()
        self._effects.close()

    def first_body(self, request: JobRequested) -> str:
        """The body that a run came with first."""
        return self._bodies[request.run_id]

    def sink(self, key: str, run: str, attempt: int) -> None:
        """The far side of a keyed effect."""
        status = "repeat" if key in self._keys else "visible"
        self._keys.add(key)
        self._effects.write(
            key, "visible" if status == "visible" else "repeat", run_id=run, step="post", attempt=attempt
        )

    def _send(self) -> bool:
        if self._wanted and (not self.log.faults or self.random.random() < 0.7):
            wanted = self._wanted.pop()
        elif self._asked < REQUESTS:
            self._asked += 1
            number = max(1, self._asked - (self.random.random() < 0.1))  # at times a key comes twice, with another body
            inputs = {"n": self._asked, "keyed": self.random.random() < 0.5, "flaky": self.random.random() < 0.3}
            wanted = Wanted(TENANTS[number % 2], f"k{number}", inputs)
        else:
            return False
        call = self._client.request(wanted.tenant, TEMPLATE, wanted.key, wanted.inputs)
        name = f"{wanted.key}-{self.now}" if self.has("random_run_ids") else wanted.key
        run_id = run_id_for_key(wanted.tenant, TEMPLATE, name)
        request = requested(run_id, wanted.tenant, inputs=wanted.inputs, body_digest=call.line["digest"])
        self._bodies.setdefault(run_id, request.body_digest)
        key = run_key(wanted.tenant, run_id)
        topic = SLOW if wanted.inputs["n"] % 3 == 0 else JOBS
        if self.log.faults and self.random.random() < 0.03:
            self.log.send(topic, key, request.to_bytes()[:-9])  # somebody else's broken writer
        if self.log.send(topic, key, request.to_bytes()) is None:
            call.info(503, "kafka.outcome_unknown")
            self._wanted.append(wanted)
        else:
            call.ok(run_id)
            self._accepted[run_id] = wanted.tenant
        return True

    def _work(self) -> None:
        self.random.choice(self._workers).step()

    def _read(self) -> None:
        if not self._accepted:
            return
        run_id = self.random.choice(sorted(self._accepted))
        tenant = self.random.choice(TENANTS)
        what = self.random.choice(("job", "manifest"))
        partition = partition_of(run_key(self._accepted[run_id], run_id), PARTITIONS)
        reading = self._client.reading(tenant, run_id, what)
        try:
            found = self.view.read(tenant, run_id, partition, what)
        except Unavailable:
            reading.refused(503, "view.rebuilding")
            return
        if isinstance(found, Job):
            reading.job(found)
        elif isinstance(found, RunManifest):
            reading.manifest(found)
        else:
            reading.refused(404, "run.not_found")

    def _move(self) -> bool:
        """The scheduler: publish what is due, then commit."""
        left = False
        for partition in range(PARTITIONS):
            offset = self.log.committed("scheduler", RETRY, partition)
            records = self.log.records[RETRY, partition]
            if offset == len(records):
                continue
            left = True
            record = records[offset]
            delivery = Delivery.of(record.headers)
            if delivery.not_before is not None and delivery.not_before > self.at():
                continue
            sent = self.log.send(delivery.return_to or JOBS, record.key, record.value, record.headers)
            if sent is not None and not (
                self.log.faults and self.random.random() < 0.1
            ):  # else killed before its commit
                self.log.commit("scheduler", RETRY, partition, offset + 1)
        return left

    def _close_late(self) -> None:
        """The scheduler: end what is late by its row."""
        status = "queued" if self.has("closes_what_waits") else "running"
        for (tenant, run), row in self.view.store.rows.items():
            if row["status"] == status and self.random.random() < 0.1:
                error = JobError(code="job.timeout", message="late")
                late = RunFailed(
                    run_id=UUID(run),
                    tenant_id=tenant,
                    request=snapshot(),
                    attempt=max(1, row["attempt"]),
                    claim="none",
                    worker="scheduler",
                    started_at=None,
                    finished_at=self.at(),
                    environment=ENVIRONMENT,
                    error=error,
                )
                self.log.send(RUNS, run_key(tenant, UUID(run)), late.to_bytes())
                return

    def _fault(self) -> None:
        luck = self.random.random()
        if luck < 0.35:
            self.random.choice(self._workers).crash()
        elif luck < 0.60:
            at = self.random.choice(all_partitions())
            self._owner[at].lose(at)
            self._owner[at] = self.random.choice(self._workers)
            self._owner[at].take(at)
        elif luck < 0.72:
            self.view.restart()
        elif luck < 0.84:
            self.view.flush()
        elif luck < 0.92:
            self.view.roll_back()
        elif luck < 0.96:
            self.view.save()
        else:
            for at in all_partitions():
                self.log.commit(GROUP, *at, 0)  # an operator resets the group
                self._owner[at].take(at)
