"""Workers of the echo domain over a log in memory."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.chassis.environment import environment_of
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import Telemetry
from jobforge.contracts.delivery import Delivery
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RUN_RECORDS, RunCanceled, RunFailed, RunRestored, RunSucceeded
from jobforge.contracts.topics import RETRY_TIERS
from jobforge.execution.alone import Alone, Workshop
from jobforge.execution.attempt import Surroundings
from jobforge.execution.children import Children
from jobforge.execution.handler import Handler
from jobforge.execution.outcomes import Outcomes
from jobforge.execution.starts import StartsFirst
from jobforge.execution.worker import Limits, Worker
from jobforge.testkit.builders import publish_job
from jobforge.testkit.leases import MemoryLeases
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.waiting import until

PARTITIONS = 2
End = RunSucceeded | RunFailed | RunCanceled | RunRestored


def new_log() -> MemoryLog:
    """The topics of a plane with the echo domain."""
    many = ("jobforge.jobs.echo", "jobforge.jobs.echo.slow", "jobforge.runs", *(t.topic.name for t in RETRY_TIERS))
    return MemoryLog({**dict.fromkeys(many, PARTITIONS), "jobforge.dlq.echo": 1, "jobforge.rejected": 1})


@dataclass
class Echo:
    """A plane's log with workers of the echo domain."""

    store: ArtifactStore
    artifacts_url: str
    log: MemoryLog = field(default_factory=new_log)
    leases: MemoryLeases = field(default_factory=MemoryLeases)
    _read: set[tuple[int, int]] = field(default_factory=set)
    _runs: dict[UUID, list[Any]] = field(default_factory=dict)

    def worker(self, limits: Limits | None = None) -> Worker:
        """A worker that has not joined its group."""
        settings = Settings(artifacts_url=self.artifacts_url, partitions=PARTITIONS, max_output_bytes=1000)
        workshop = Workshop("testkit", "jobforge.testkit.echo", settings)
        publisher = StartsFirst(self.log.publisher())
        around = Surroundings(self.store, publisher, Children(1), ThreadPoolExecutor(1), PARTITIONS)
        runner = workshop.runner(workshop.templates(), around, worker="w")
        telemetry = Telemetry(service="echo", version=environment_of("testkit").version, endpoint=None)
        outcomes = Outcomes(publisher, PARTITIONS)
        alone = Alone(workshop, runner).run
        handler = Handler("echo", runner, outcomes, self.leases, self.store, telemetry, alone=alone)
        return Worker("echo", handler, outcomes, limits=limits)

    @asynccontextmanager
    async def working(self, limits: Limits | None = None) -> AsyncIterator[Worker]:
        """A worker that works until the context ends."""
        worker = self.worker(limits)
        async with self.log.member(group=worker.group, topics=worker.topics, reader=worker):
            yield worker

    async def request(self, *requests: JobRequested) -> None:
        """Publish requests, as ingestion would."""
        for request in requests:
            await publish_job(self.log.publisher(), request, partitions=PARTITIONS)

    def of(self, run_id: UUID) -> list[Any]:
        """Every record of a run, in the log's order."""
        for record in self.log.records("jobforge.runs"):
            at = (record.partition, record.offset)
            if at not in self._read:
                self._read.add(at)
                parsed = RUN_RECORDS.validate_json(record.value or b"")
                self._runs.setdefault(parsed.run_id, []).append(parsed)
        return self._runs.get(run_id, [])

    def ends(self, run_id: UUID) -> list[Any]:
        """The terminal records of a run."""
        return [record for record in self.of(run_id) if isinstance(record, End)]

    async def end(self, run_id: UUID) -> Any:
        """The first terminal record of a run, awaited."""
        await until(lambda: bool(self.ends(run_id)))
        return self.ends(run_id)[0]

    def waiting(self) -> list[tuple[str, Delivery]]:
        """What waits in the retry topics: the topic and what its headers say."""
        return [
            (tier.topic.name, Delivery.of(record.headers))
            for tier in RETRY_TIERS
            for record in self.log.records(tier.topic.name)
        ]

    @asynccontextmanager
    async def moving(self) -> AsyncIterator[None]:
        """Puts what waits back at once, whatever its headers say, as a scheduler with a very fast clock."""
        task = asyncio.create_task(self._move())
        try:
            yield
        finally:
            task.cancel()

    async def _move(self) -> None:
        moved: dict[str, int] = {}
        while True:
            for tier in RETRY_TIERS:
                records = self.log.records(tier.topic.name)
                for record in records[moved.get(tier.topic.name, 0) :]:
                    delivery = Delivery.of(record.headers)
                    back = replace(delivery, not_before=None, return_to=None)
                    to = delivery.return_to or ""
                    self.log.append(to, record.key, record.value, back.headers(record.headers), record.partition)
                moved[tier.topic.name] = len(records)
            await self.log.grown(0.05)
