"""The simulated worker: the protocol of the real one, a step at a time, so that it can die between any two."""

import hashlib
from collections.abc import Generator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from jobforge.contracts.dead_letter import aside
from jobforge.contracts.delivery import Delivery
from jobforge.contracts.identity import parse_run_key
from jobforge.contracts.jobs import JobError, JobRequested
from jobforge.contracts.reading import Unreadable, read
from jobforge.contracts.runs import ArtifactWritten, Outcome, RunFailed, RunRetrying, RunStarted, RunSucceeded
from jobforge.ledger.records import Record
from jobforge.testkit.run_records import AT, ENVIRONMENT, snapshot
from jobforge.testkit.simulation.log import DEAD, JOBS, PARTITIONS, REJECTED, RETRY, RUNS, SLOW

if TYPE_CHECKING:
    from jobforge.testkit.simulation.plane import SimulatedPlane

GROUP = "jobs-echo"
AT_ONCE = 3
Steps = Generator[None, None, None]


class SimulatedWorker:
    """One member of the group. Its jobs are generators: a job that is never resumed has died."""

    def __init__(self, plane: "SimulatedPlane", name: str) -> None:
        self._plane = plane
        self.name = name
        self._jobs: list[Steps] = []
        self._position: dict[tuple[str, int], int] = {}
        self._done: dict[tuple[str, int], set[int]] = {}
        self._epoch: dict[tuple[str, int], object] = {}

    def take(self, at: tuple[str, int]) -> None:
        """A rebalance gave it a partition: it reads on from the commit."""
        self._position[at] = self._plane.log.committed(GROUP, *at)
        self._done[at] = set()
        self._epoch[at] = object()

    def lose(self, at: tuple[str, int]) -> None:
        """The partition went to another; jobs of it go on, and what they commit counts for nothing."""
        self._epoch.pop(at, None)

    def crash(self) -> None:
        """Killed and started again, with the partitions that it had."""
        self._jobs.clear()
        for at in list(self._epoch):
            self.take(at)

    def step(self) -> bool:
        """Take a record or resume a job; False when there is nothing to do."""
        random, log = self._plane.random, self._plane.log
        ready = [at for at in sorted(self._epoch) if self._position[at] < len(log.records[at])]
        if len(self._jobs) < AT_ONCE and ready and (not self._jobs or random.random() < 0.5):
            at = random.choice(ready)
            record = log.records[at][self._position[at]]
            self._position[at] += 1
            self._jobs.append(self._settle(record, self._epoch[at]))
        if not self._jobs:
            return False
        job = random.choice(self._jobs)
        try:
            next(job)
        except StopIteration:
            self._jobs.remove(job)
        return True

    def _finish(self, record: Record, epoch: object) -> None:
        at = (record.topic, record.partition)
        if self._epoch.get(at) is not epoch:
            return
        self._done[at].add(record.offset)
        offset = self._plane.log.committed(GROUP, *at)
        if self._plane.has("commit_highest"):
            offset = max(offset, record.offset + 1)
        while offset in self._done[at]:
            offset += 1
        self._plane.log.commit(GROUP, *at, offset)

    def _settle(self, record: Record, epoch: object) -> Steps:
        if self._plane.has("commit_first"):
            self._finish(record, epoch)
        yield
        try:
            request = read(JobRequested, record.value)
        except Unreadable as why:
            yield from self._refuse(record, why)
        else:
            if self._plane.first_body(request) != request.body_digest:
                if not self._plane.has("conflict_swallowed"):
                    yield from self._set_aside(record, REJECTED, "idempotency.conflict")
            elif not self._plane.view.has_ended(request.tenant_id, request.run_id):
                yield from self._execute(record, request, epoch)
        self._finish(record, epoch)

    def _execute(self, record: Record, request: JobRequested, epoch: object) -> Steps:
        plane, attempt = self._plane, Delivery.of(record.headers).attempt
        claim = f"{self.name}x{record.offset}x{plane.now}"
        facts = {"run_id": request.run_id, "tenant_id": request.tenant_id, "attempt": attempt, "claim": claim}
        facts |= {"worker": self.name, "started_at": plane.at()}
        plane.log.send(RUNS, record.key, RunStarted(**facts).to_bytes())
        yield
        if request.inputs["keyed"]:
            step = f"post-{attempt}" if plane.has("key_of_attempt") else "post"
            plane.sink(f"{request.root_run_id or request.run_id}:{step}", str(request.run_id), attempt)
            yield
        luck = plane.random.random()
        if luck < (0.8 if request.inputs["flaky"] else 0.2):
            yield from self._failed(record, request, facts, epoch)
            return
        end: Outcome
        said: dict[str, Any] = {**facts, "request": snapshot(), "finished_at": plane.at(), "environment": ENVIRONMENT}
        if luck > 0.9:
            end = RunFailed(**said, error=JobError(code="echo.told_to", message="as told"))
        else:
            end = RunSucceeded(**said, outputs={"luck": luck}, artifacts=(self._artifact(facts, claim, luck),))
        yield from self._insist(RUNS, record.key, end.to_bytes())

    def _artifact(self, facts: dict[str, Any], claim: str, luck: float) -> ArtifactWritten:
        place = "shared" if self._plane.has("shared_place") else f"{facts['attempt']}-{claim}"
        location = f"artifacts/{facts['tenant_id']}/{facts['run_id']}/{place}/out.txt"
        data = str(luck).encode()
        self._plane.stored[location] = hashlib.sha256(data).hexdigest()
        digest = self._plane.stored[location]
        return ArtifactWritten(
            name="out.txt", media_type="text/plain", size=len(data), sha256=digest, location=location
        )

    def _failed(self, record: Record, request: JobRequested, facts: dict[str, Any], epoch: object) -> Steps:
        plane, attempt = self._plane, int(facts["attempt"])
        error = JobError(code="echo.later", message="try later", retryable=True)
        if attempt < request.attempts + plane.has("one_attempt_more"):
            if plane.has("commit_before_retry"):
                self._finish(record, epoch)
                yield
            wait = plane.at() + timedelta(milliseconds=15 * attempt)
            delivery = Delivery(attempt + 1, wait, return_to=record.topic, error=error.code)
            yield from self._insist(RETRY, record.key, record.value, delivery.headers(record.headers))
            said = {**facts, "finished_at": plane.at(), "error": error, "next_attempt": attempt + 1, "not_before": wait}
            yield from self._insist(RUNS, record.key, RunRetrying(**said).to_bytes())
            return
        offset = yield from self._set_aside(record, DEAD, "job.attempts_exhausted")
        letter = f"{DEAD}/0@{offset if offset is not None else 0}"
        cause = {"code": error.code, "message": error.message}
        spent = JobError(code="job.attempts_exhausted", message="spent", cause=cause, dead_letter=letter)
        said = {**facts, "request": snapshot(), "finished_at": plane.at(), "environment": ENVIRONMENT}
        yield from self._insist(RUNS, record.key, RunFailed(**said, error=spent).to_bytes())

    def _refuse(self, record: Record, why: Unreadable) -> Steps:
        yield from self._set_aside(record, DEAD, why.reason)
        named = parse_run_key(record.key)
        if named is None:
            return
        error = JobError(code="job.unreadable", message=why.detail)
        end = RunFailed(
            run_id=named[1],
            tenant_id=named[0],
            request=None,
            attempt=1,
            claim="none",
            worker=self.name,
            started_at=None,
            finished_at=self._plane.at(),
            environment=ENVIRONMENT,
            error=error,
        )
        yield from self._insist(RUNS, record.key, end.to_bytes())

    def _set_aside(self, record: Record, topic: str, reason: str) -> Generator[None, None, int | None]:
        _, value, headers = aside(record, reason=reason, detail="as told", dead_at=AT.isoformat())
        if self._plane.has("dead_letter_written_anew") and value:
            value = value.replace(b":", b": ", 1)
        if topic == DEAD and self._plane.has("best_effort_dead_letter"):
            yield
            return self._plane.log.send(topic, record.key, value, headers)
        return (yield from self._insist(topic, record.key, value, headers))

    def _insist(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Any = ()
    ) -> Generator[None, None, int]:
        while True:
            yield
            offset = self._plane.log.send(topic, key, value, headers)
            if offset is not None:
                return offset


def all_partitions() -> list[tuple[str, int]]:
    """What the group reads."""
    return [(topic, number) for topic in (JOBS, SLOW) for number in range(PARTITIONS)]
