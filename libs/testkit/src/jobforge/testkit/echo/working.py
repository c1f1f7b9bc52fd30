"""Workers of the echo domain over a log in memory."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.chassis.environment import environment_of
from jobforge.chassis.telemetry import Telemetry
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RUN_RECORDS, RunFailed, RunSucceeded
from jobforge.execution.attempt import Surroundings
from jobforge.execution.children import Children
from jobforge.execution.discovery import bind_tools, find_templates
from jobforge.execution.runner import Runner
from jobforge.execution.worker import Limits, Worker
from jobforge.testkit.builders import publish_job
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.waiting import until

PARTITIONS = 2


def new_log() -> MemoryLog:
    """The topics of a plane with the echo domain."""
    both = {"jobforge.jobs.echo": PARTITIONS, "jobforge.runs": PARTITIONS}
    return MemoryLog({**both, "jobforge.dlq.echo": 1, "jobforge.rejected": 1})


@dataclass
class Echo:
    """A plane's log with workers of the echo domain."""

    store: ArtifactStore
    log: MemoryLog = field(default_factory=new_log)

    def worker(self, limits: Limits | None = None) -> Worker:
        """A worker that has not joined its group."""
        templates = bind_tools(find_templates("jobforge.testkit.echo").values(), ())
        publisher = self.log.publisher()
        around = Surroundings(self.store, publisher, Children(1), ThreadPoolExecutor(1), PARTITIONS)
        runner = Runner(templates, around, environment=environment_of("testkit"), worker="w", max_output_bytes=1000)
        telemetry = Telemetry(service="echo", version="0", endpoint=None)
        return Worker("echo", runner, publisher, telemetry, partitions=PARTITIONS, limits=limits)

    @asynccontextmanager
    async def working(self, limits: Limits | None = None) -> AsyncIterator[Worker]:
        """A worker that works until the context ends."""
        worker = self.worker(limits)
        async with self.log.member(group=worker.group, topics=["jobforge.jobs.echo"], reader=worker):
            yield worker

    async def request(self, *requests: JobRequested) -> None:
        """Publish requests, as ingestion would."""
        for request in requests:
            await publish_job(self.log.publisher(), request, partitions=PARTITIONS)

    def of(self, run_id: UUID) -> list[Any]:
        """Every record of a run, in the log's order."""
        parsed = [RUN_RECORDS.validate_json(record.value or b"") for record in self.log.records("jobforge.runs")]
        return [record for record in parsed if record.run_id == run_id]

    def ends(self, run_id: UUID) -> list[RunSucceeded | RunFailed]:
        """The terminal records of a run."""
        return [record for record in self.of(run_id) if isinstance(record, RunSucceeded | RunFailed)]

    async def end(self, run_id: UUID) -> RunSucceeded | RunFailed:
        """The first terminal record of a run, awaited."""
        await until(lambda: bool(self.ends(run_id)))
        return self.ends(run_id)[0]
