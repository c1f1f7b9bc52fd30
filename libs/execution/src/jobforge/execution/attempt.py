"""One attempt at a run, as its template sees it."""

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import structlog

from jobforge.chassis.artifacts import ArtifactStore, StoredObject
from jobforge.chassis.wire import Publisher
from jobforge.contracts.base import JsonObject
from jobforge.contracts.identity import partition_of, run_key
from jobforge.contracts.jobs import JobRequested, Progress
from jobforge.contracts.runs import ArtifactWritten, ObjectRead, RunProgressed
from jobforge.contracts.topics import RUNS
from jobforge.execution.children import Children
from jobforge.execution.errors import EffectInDryRun, InvalidOutputs, ObjectMissing, Terminal
from jobforge.execution.outputs import check_exact
from jobforge.execution.reasons import bounded

R = TypeVar("R")
log = structlog.get_logger()

MAX_ARTIFACTS = 1000
MAX_OBJECTS = 1000
MAX_FIGURES = 200
"""Metrics, and likewise tool versions: an outcome has to fit into one record."""
MAX_EFFECTS = 200
"""Planned effects of a dry run."""
EFFECT_STEP = re.compile(r"[A-Za-z0-9_.-]{1,64}")
PROGRESS_INTERVAL = 0.25
"""Seconds between two progress records of one attempt; what comes faster is dropped, but for the last (1.0)."""


class TooMuchToTell(Terminal):
    """The job read more objects, planned more effects, or gave more metrics or tool versions, than a manifest holds."""

    code = "job.too_much_to_tell"


class TooManyArtifacts(Terminal):
    """The job wrote more artifacts than a manifest holds."""

    code = "job.too_many_artifacts"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every attempt of a service works with."""

    store: ArtifactStore
    publisher: Publisher
    children: Children
    threads: ThreadPoolExecutor
    partitions: int


@dataclass(slots=True)
class Attempt:
    """Implements ``Job``; what it collects becomes part of the outcome."""

    requested: JobRequested
    number: int
    claim: str
    around: Surroundings
    objects_read: dict[tuple[str, str], ObjectRead] = field(default_factory=dict)
    artifacts: dict[str, ArtifactWritten] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    tool_versions: dict[str, str] = field(default_factory=dict)
    planned_effects: dict[str, JsonObject] = field(default_factory=dict)
    """What a dry run would have done, by step."""
    run_id: UUID = field(init=False)
    tenant_id: str = field(init=False)
    project_id: str | None = field(init=False)
    attempt: int = field(init=False)
    dry_run: bool = field(init=False)
    trace_id: str = field(init=False)
    _progressed_at: float = field(init=False, default=float("-inf"))
    _sends: set["asyncio.Future[Any]"] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.run_id = self.requested.run_id
        self.tenant_id = self.requested.tenant_id
        self.project_id = self.requested.project_id
        self.attempt = self.number
        self.dry_run = self.requested.dry_run
        self.trace_id = self.requested.trace_id

    async def progress(self, fraction: float, message: str | None = None) -> None:
        """See ``Job.progress``."""
        now = asyncio.get_running_loop().time()
        if fraction < 1 and now - self._progressed_at < PROGRESS_INTERVAL:
            return
        self._progressed_at = now
        record = RunProgressed(
            run_id=self.run_id,
            tenant_id=self.tenant_id,
            attempt=self.number,
            progress=Progress(fraction=min(max(fraction, 0.0), 1.0), message=message and bounded(message, 500)),
            at=datetime.now(UTC),
        )
        key = run_key(self.tenant_id, self.run_id)
        # Progress is a courtesy: nothing waits for it, and a log that is away must not fail the job.
        sent = asyncio.ensure_future(
            self.around.publisher.send(
                RUNS.name, key=key, value=record.to_bytes(), partition=partition_of(key, self.around.partitions)
            )
        )
        self._sends.add(sent)
        sent.add_done_callback(self._sent)

    async def read_object(self, kind: str, object_id: str) -> StoredObject:
        """See ``Job.read_object``."""
        _bound("objects read", self.objects_read, (kind, object_id), MAX_OBJECTS)
        found = await self.around.store.read_object(self.tenant_id, kind, object_id)
        if found is None:
            raise ObjectMissing(f"no {kind} with the id {object_id} was uploaded; PUT /v1/objects/{kind}/{object_id}")
        self.objects_read[kind, object_id] = ObjectRead(kind=kind, id=object_id, sha256=found.sha256)
        return found

    async def write_artifact(self, name: str, data: bytes | str, media_type: str) -> None:
        """See ``Job.write_artifact``."""
        if name not in self.artifacts and len(self.artifacts) >= MAX_ARTIFACTS:
            raise TooManyArtifacts(f"{name} would be artifact {MAX_ARTIFACTS + 1}; a run holds {MAX_ARTIFACTS}")
        body = data.encode() if isinstance(data, str) else data
        self.artifacts[name] = await self.around.store.write_artifact(
            self.tenant_id, str(self.run_id), self.number, self.claim, name, body, media_type
        )

    async def in_process(self, function: Callable[..., R], *args: Any) -> R:
        """See ``Job.in_process``."""
        return await self.around.children.run(function, *args)

    async def in_thread(self, function: Callable[..., R], *args: Any) -> R:
        """See ``Job.in_thread``."""
        return await asyncio.get_running_loop().run_in_executor(self.around.threads, function, *args)

    async def effect(self, step: str, act: Callable[[str], Awaitable[R]], **what: Any) -> R | None:
        """See ``Job.effect``."""
        if not self.dry_run:
            return await act(self.effect_key(step))
        _check_step(step)
        try:
            check_exact(what)
        except ValueError as error:
            raise InvalidOutputs(f"JSON cannot carry the planned effect {step} exactly: {error}") from None
        _bound("planned effects", self.planned_effects, step, MAX_EFFECTS)
        self.planned_effects.setdefault(step, {**what, "step": step})  # a second one with its key does nothing
        return None

    def effect_key(self, step: str) -> str:
        """See ``Job.effect_key``."""
        _check_step(step)
        if self.dry_run:
            raise EffectInDryRun(f"{step}: a dry run has no effect keys; `await job.effect(...)` acts, or plans")
        return f"{self.requested.root_run_id or self.run_id}:{step}"

    def measure(self, name: str, value: float) -> None:
        """See ``Job.measure``."""
        name = _told("a metric's name", name)
        if not math.isfinite(value):
            raise InvalidOutputs(f"the metric {name} is {value}: a manifest holds finite numbers")
        _bound("metrics", self.metrics, name, MAX_FIGURES)
        self.metrics[name] = float(value)

    def used_tool(self, name: str, version: str) -> None:
        """See ``Job.used_tool``."""
        name, version = _told("a tool's name", name), _told("a tool's version", version)
        _bound("tool versions", self.tool_versions, name, MAX_FIGURES)
        self.tool_versions[name] = version

    def _sent(self, sent: "asyncio.Future[Any]") -> None:
        self._sends.discard(sent)
        if not sent.cancelled() and sent.exception() is not None:
            log.info("progress.not_sent", run_id=str(self.run_id))


def _check_step(step: str) -> None:
    if not EFFECT_STEP.fullmatch(step):
        raise ValueError(f"an effect's step has 1 to 64 characters of A-Z a-z 0-9 _ . -, and this one is {step!r}")


def _told(what: str, text: object) -> str:
    """Text that a manifest can hold; raises ``InvalidOutputs`` for anything else, which no outcome could be made of."""
    if not isinstance(text, str):
        raise InvalidOutputs(f"{what} is text, and this one is {text!r:.200}")
    return bounded(text, 200)


def _bound(what: str, held: Mapping[Any, object], name: object, limit: int) -> None:
    if name not in held and len(held) >= limit:
        raise TooMuchToTell(f"a manifest holds at most {limit} {what}, and this would be one more")
