"""What the view answers: runs, lists, events and traces, each read together with the watermarks it stands on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from pydantic_core import from_json
from redis.asyncio import Redis

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.identity import partition_of, run_key
from jobforge.contracts.jobs import Job
from jobforge.contracts.manifest import RunManifest
from jobforge.manifest import keys, scripts
from jobforge.manifest.freshness import Freshness, Rebuilding
from jobforge.manifest.rows import Rows
from jobforge.manifest.showing import job_json, job_of_manifest, merged
from jobforge.manifest.states import Request, RunState, parsed_request, parsed_run
from jobforge.manifest.store import ViewScript

T = TypeVar("T")
CATCH_UP = 2.0
"""Seconds that a read waits for the view to reach the end of the log before it says what it does not know."""
STRETCH = 200
"""Rows looked at in one step of a list."""
STRETCHES = 10
"""Steps before a list answers with what it has found, and a cursor."""
NOT_BEGUN = (-1, False)
"""What ``Row.shown`` is until something happens to a run."""


class NoSuchRun(Exception):
    """The log holds no such run of this tenant, or no longer."""


class Row(NamedTuple):
    """One run as it was read. ``manifest`` is its terminal manifest's JSON, if asked for and there.

    ``archived`` is the job of a run that the view has let go.
    """

    tenant_id: str
    run_id: UUID
    request: Request | None
    run: RunState | None
    manifest: bytes | None
    as_of: str
    archived: Job | None = None

    @property
    def job(self) -> Job:
        """The run as everybody sees it."""
        job = self.archived or merged(self.tenant_id, self.run_id, self.request, self.run, self.as_of)
        assert job is not None
        return job

    def job_json(self) -> bytes:
        """The same as JSON."""
        if self.archived is not None:
            return self.archived.model_dump_json().encode()
        return job_json(self.tenant_id, self.run_id, self.request, self.run, self.as_of) or b""

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can change the job any more."""
        return self.archived is not None or (self.run is not None and self.run.end is not None)

    @property
    def shown(self) -> tuple[int, bool]:
        """What differs between two readings that show something else."""
        return (self.run.offset if self.run else NOT_BEGUN[0], self.is_terminal)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, newest first; ``next_cursor`` is None at its end."""

    items: list[T]
    next_cursor: str | None
    as_of: str


class Reads:
    """Answers from Redis; all raise ``RedisError`` while Redis is away and ``Rebuilding`` while it is behind."""

    def __init__(self, redis: Redis, freshness: Freshness, artifacts: ArtifactStore, *, partitions: int) -> None:
        self._redis = redis
        self._freshness = freshness
        self._artifacts = artifacts
        self._partitions = partitions
        self._rows = Rows(redis)
        self._scan = ViewScript(scripts.SCAN)

    async def close(self) -> None:
        """Disconnect what was opened here."""
        await self._rows.close()

    async def run(self, tenant_id: str, run_id: UUID, *, manifest: bool = False) -> Row:
        """The run. Before ``NoSuchRun`` is raised the view has passed the log's end, and the archive was asked."""
        row = await self.held(tenant_id, run_id, manifest=manifest)
        if row is not None:
            return row
        ends = await self._freshness.ends_of_run(self._partition(tenant_id, run_id))
        if not await self._freshness.passed(ends, CATCH_UP):
            raise Rebuilding("the view has not reached the end of the log")
        row, as_of = await self._row(tenant_id, run_id, manifest=manifest)
        return row or await self._archived(tenant_id, run_id, as_of)

    async def held(self, tenant_id: str, run_id: UUID, *, manifest: bool = False) -> Row | None:
        """The run if the view holds it; None says nothing about the log."""
        row, _ = await self._row(tenant_id, run_id, manifest=manifest)
        return row

    async def runs(self, tenant_id: str, wanted: Mapping[str, str], *, limit: int, cursor: str | None) -> Page[Job]:
        """A tenant's runs whose fields are as ``wanted`` (names of ``Job``)."""
        trace_id = wanted.get("trace_id")
        index = keys.runs_of_trace(tenant_id, trace_id) if trace_id else keys.runs_of(tenant_id)
        jobs: list[Job] = []
        cursor = cursor or ""
        fields = self._freshness.fields(events=False)
        as_of = ""
        for _ in range(STRETCHES):
            held, rows = await self._stretch(fields, index, cursor, keys.row(tenant_id, ""), ("request", "run"))
            as_of = _everything(held, fields)
            for cursor, (request, run) in rows:
                job = merged(tenant_id, UUID(keys.named(cursor)), _request(request), _run(run))
                if job is not None and all(str(getattr(job, name)) == value for name, value in wanted.items()):
                    jobs.append(job)
                    if len(jobs) == limit:
                        return Page(jobs, cursor, as_of)
            if len(rows) < STRETCH:
                return Page(jobs, None, as_of)
        return Page(jobs, cursor, as_of)

    async def events(
        self, tenant_id: str, wanted: Mapping[str, str], *, limit: int, cursor: str | None
    ) -> Page[EventEnvelope]:
        """A tenant's events whose facts are as ``wanted``; each event once, however often it was sent."""
        trace_id = wanted.get("trace_id")
        index = keys.events_of_trace(tenant_id, trace_id) if trace_id else keys.events_of(tenant_id)
        found: list[str] = []
        cursor, next_cursor = cursor or "", None
        fields = self._freshness.fields(events=True)
        as_of = ""
        for _ in range(STRETCHES):
            held, rows = await self._stretch(fields, index, cursor, keys.event(tenant_id, ""), ("facts",))
            as_of = _everything(held, fields)
            for cursor, (facts,) in rows:
                if facts is not None and _matches(from_json(facts), wanted) and len(found) < limit:
                    found.append(keys.named(cursor))
                    next_cursor = cursor
            if len(found) == limit:
                break
            next_cursor = cursor if len(rows) == STRETCH else None
            if next_cursor is None:
                break
        return Page(await self._bodies(tenant_id, found), next_cursor, as_of)

    async def trace(self, tenant_id: str, trace_id: str) -> tuple[list[EventEnvelope], list[Job], str]:
        """The oldest events and runs of a trace, at most ``STRETCH`` of each, in the order they came."""
        fields = [*self._freshness.fields(events=True), *self._freshness.fields(events=False)]
        held, found = await self._stretch(
            fields, keys.events_of_trace(tenant_id, trace_id), "", keys.event(tenant_id, ""), ("facts",), order="oldest"
        )
        events = await self._bodies(tenant_id, [keys.named(member) for member, (facts,) in found if facts])
        held, rows = await self._stretch(
            fields,
            keys.runs_of_trace(tenant_id, trace_id),
            "",
            keys.row(tenant_id, ""),
            ("request", "run"),
            order="oldest",
        )
        jobs = [
            merged(tenant_id, UUID(keys.named(member)), _request(request), _run(run)) for member, (request, run) in rows
        ]
        return events, [job for job in jobs if job is not None], _everything(held, fields)

    async def _row(self, tenant_id: str, run_id: UUID, *, manifest: bool) -> tuple[Row | None, str]:
        fields = self._freshness.fields_of_run(self._partition(tenant_id, run_id))
        wanted = ("request", "run", "manifest") if manifest else ("request", "run")
        floors = self._freshness.floors(fields)
        held_at, values = await self._rows.read(keys.row(tenant_id, run_id), watermarks=fields, fields=wanted)
        held = {field: int(at) for field, at in zip(fields, held_at, strict=True) if at is not None}
        self._freshness.check(floors, held)
        self._freshness.seen(held)
        as_of = f"{fields[0]}@{held[fields[0]]}"
        request, run = _request(values[0]), _run(values[1])
        if request is None and (run is None or run.status is None):
            return None, as_of  # nobody asked for it: a wish to cancel alone does not make a run
        return Row(tenant_id, run_id, request, run, values[2] if manifest else None, as_of), as_of

    async def _archived(self, tenant_id: str, run_id: UUID, as_of: str) -> Row:
        data = await self._artifacts.read_manifest(tenant_id, run_id)
        if data is None:
            raise NoSuchRun(as_of)
        job = job_of_manifest(RunManifest.model_validate_json(data), as_of)
        return Row(tenant_id, run_id, None, None, data, as_of, job)

    async def _stretch(
        self, fields: Sequence[str], index: str, cursor: str, row: str, wanted: Sequence[str], *, order: str = "newest"
    ) -> tuple[dict[str, int], list[tuple[str, list[bytes | None]]]]:
        floors = self._freshness.floors(fields)
        flat, found = await self._scan.call(
            self._redis, [keys.WATERMARKS, index], [cursor, STRETCH, row, order, *wanted]
        )
        held = {flat[i].decode(): int(flat[i + 1]) for i in range(0, len(flat), 2)}
        self._freshness.check(floors, held)
        return held, [(member.decode(), values) for member, values in found]

    async def _bodies(self, tenant_id: str, event_ids: Sequence[str]) -> list[EventEnvelope]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for event_id in event_ids:
                pipe.hget(keys.event(tenant_id, event_id), "body")
            bodies: list[bytes | None] = await pipe.execute() if event_ids else []
        return [EventEnvelope.model_validate_json(body) for body in bodies if body is not None]

    def _partition(self, tenant_id: str, run_id: UUID) -> int:
        return partition_of(run_key(tenant_id, run_id), self._partitions)


def _request(held: bytes | None) -> Request | None:
    return parsed_request(held) if held else None


def _run(held: bytes | None) -> RunState | None:
    return parsed_run(held) if held else None


def _matches(facts: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    return all(facts.get(name) == value for name, value in wanted.items())


def _everything(held: Mapping[str, int], fields: Sequence[str]) -> str:
    return ",".join(f"{field}@{held[field]}" for field in sorted(fields) if field in held)
