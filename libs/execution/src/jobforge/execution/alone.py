"""An attempt in a child process of its own, for a job that may be what killed its workers before."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import getpid

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.chassis.environment import environment_of
from jobforge.chassis.settings import Settings
from jobforge.chassis.wire import Headers, NotWritten, Position, Publisher
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RunStarted, RunSucceeded
from jobforge.execution.attempt import Surroundings
from jobforge.execution.children import Children
from jobforge.execution.discovery import BoundTemplate, bind_tools, find_templates
from jobforge.execution.errors import ChildDied
from jobforge.execution.policy import Failure
from jobforge.execution.reasons import error, failure_of
from jobforge.execution.runner import Failed, Runner

MakeTools = Callable[[Settings], Iterable[object]]
BLOCKING_THREADS = 16
"""Threads for templates' blocking I/O."""


def no_tools(settings: Settings) -> Iterable[object]:
    """What a domain offers whose templates ask for nothing."""
    return ()


@dataclass(frozen=True, slots=True)
class Workshop:
    """All that it takes to run a domain's templates, in this process or in a child: it can be pickled."""

    name: str
    package: str
    settings: Settings
    tools: MakeTools = no_tools

    def templates(self) -> dict[str, BoundTemplate]:
        """The templates with their tools; raises ``TemplateError``."""
        return bind_tools(find_templates(self.package).values(), self.tools(self.settings))

    def around(self, publisher: Publisher, threads: ThreadPoolExecutor) -> Surroundings:
        """What attempts work with."""
        store = ArtifactStore(self.settings.artifacts_url)
        return Surroundings(store, publisher, Children(), threads, self.settings.partitions)

    def runner(self, templates: dict[str, BoundTemplate], around: Surroundings, *, worker: str = "") -> Runner:
        """What runs attempts."""
        environment = environment_of(self.name)
        return Runner(
            templates,
            around,
            environment=environment,
            worker=worker or f"{self.name}@{environment.host}:{getpid()}",
            max_output_bytes=self.settings.max_output_bytes,
        )


class Alone:
    """Runs attempts in a child that dies alone; one at a time, since nobody knows what they do."""

    def __init__(self, workshop: Workshop, runner: Runner) -> None:
        self._workshop = workshop
        self._runner = runner
        self._children = Children(1)

    async def run(self, requested: JobRequested, started: RunStarted) -> RunSucceeded | Failed:
        """The attempt's outcome; when the child dies, the run ends with ``job.worker_lost``."""
        try:
            return await self._children.run(
                run_here, self._workshop, requested.to_bytes(), started.to_bytes(), started.worker
            )
        except ChildDied:
            return self._lost(requested, started)
        except Exception as raised:  # of the child's own making, before the template ran
            return self._runner.failed(failure_of(raised), self._runner.snapshot(requested), started)

    def _lost(self, requested: JobRequested, started: RunStarted) -> Failed:
        said = error(
            "job.worker_lost",
            "the job began twice before without an outcome, and then ended the child process that ran it alone",
        )
        return self._runner.failed(Failure(said), self._runner.snapshot(requested), started)


def run_here(workshop: Workshop, requested: bytes, started: bytes, worker: str) -> RunSucceeded | Failed:
    """Run one attempt in this process, which is a child made for it."""
    return asyncio.run(_run(workshop, JobRequested.model_validate_json(requested), started, worker))


async def _run(workshop: Workshop, requested: JobRequested, started: bytes, worker: str) -> RunSucceeded | Failed:
    with ThreadPoolExecutor(BLOCKING_THREADS) as threads:
        runner = workshop.runner(workshop.templates(), workshop.around(_Silent(), threads), worker=worker)
        return await runner.run(requested, runner.snapshot(requested), RunStarted.model_validate_json(started))


class _Silent:
    """A publisher for a process without a log: progress is a courtesy that this attempt cannot give."""

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Position:
        """See ``wire.Publisher.publish``."""
        raise NotWritten(f"{topic}: this process has no log")

    async def send(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Awaitable[Position]:
        """See ``wire.Publisher.send``."""
        raise NotWritten(f"{topic}: this process has no log")
