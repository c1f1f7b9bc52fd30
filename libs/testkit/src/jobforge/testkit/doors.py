"""Both doors, faked over a real local HTTP server, for tests of what calls them."""

import asyncio
import hashlib
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from jobforge.contracts.identity import otel_trace_id, run_id_for_key
from jobforge.contracts.jobs import Job, JobSubmission, RequestedBy
from jobforge.contracts.manifest import Artifact, Attempt, RunManifest, Timings, TraceReference
from jobforge.contracts.problem import Problem
from jobforge.contracts.runs import Environment

ENVIRONMENT = Environment(service="fake", version="1", python="3.11", platform="test", host="test")


@dataclass(frozen=True)
class Result:
    """What a run of a template will end with: outputs and artifacts (name to media type and bytes), or an error."""

    outputs: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class FakePlane:
    """A plane in memory: what it has been told, and levers for tests; safe to use from the test's thread."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Seen] = []
        self.faults: list[Response | float | None] = []
        """For each of the next requests: an answer to give instead, or seconds of silence, or None for none."""
        self.results: dict[str, Result] = {}
        """Runs of these templates start and end by themselves; others wait for ``advance``."""
        self.flags = {"JOBFORGE_EVENTS_ENABLED": True, "JOBFORGE_TRIGGERS_ENABLED": False}
        self.disabled: set[str] = set()
        self.triggers: dict[str, dict[str, Any]] = {}
        self.holds_polls = True
        self.breaks_streams_after: int | None = None
        """Each event stream breaks off after so many events."""
        self.events: dict[UUID, dict[str, Any]] = {}
        self.objects: dict[tuple[str, str, str], tuple[str, bytes]] = {}
        self.jobs: dict[UUID, Job] = {}
        self.inputs: dict[UUID, dict[str, Any]] = {}
        self.history: dict[UUID, list[Job]] = {}
        self.changed = asyncio.Condition()
        self.loop: asyncio.AbstractEventLoop | None = None

    def fault(self, status: int, *, code: str = "plane.unavailable", retry_after: str | None = None) -> None:
        """Lets the next request be refused."""
        headers = {"retry-after": retry_after} if retry_after is not None else {}
        self.faults.append(problem(status, code, "the plane cannot take this now", headers))

    def advance(self, run_id: UUID, **change: Any) -> Job:
        """Changes a run's state and tells whoever waits."""
        now = {**self.jobs[run_id].model_dump(), **change, "as_of": f"0:{len(self.history[run_id])}"}
        self.jobs[run_id] = Job.model_validate(now)
        self.history[run_id].append(self.jobs[run_id])
        if self.loop:
            self.loop.call_soon_threadsafe(lambda: asyncio.ensure_future(self._tell()))
        return self.jobs[run_id]

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    def accept(self, body: JobSubmission, key: str) -> Job:
        """The run of a request; the same key names the same run."""
        run_id = run_id_for_key(body.tenant_id, body.template_key, key)
        if run_id in self.jobs:
            return self.jobs[run_id]
        job = Job(
            id=run_id,
            tenant_id=body.tenant_id,
            project_id=body.project_id,
            template_key=body.template_key,
            template_version="1",
            status="queued",
            trace_id=body.trace_id or f"trace_{uuid4().hex}",
            dry_run=body.dry_run,
            requested_by=RequestedBy(actor_id=body.actor_id, source_app=body.source_app),
            created_at=datetime.now(UTC),
            as_of="0:0",
        )
        self.jobs[run_id], self.inputs[run_id], self.history[run_id] = job, dict(body.inputs), [job]
        if body.template_key in self.results:
            self._run(run_id, self.results[body.template_key])
        return job

    def _run(self, run_id: UUID, result: Result) -> None:
        self.advance(run_id, status="running", attempt=1, started_at=datetime.now(UTC))
        self.advance(run_id, progress={"fraction": 0.5, "message": "half way"})
        end = {"status": "failed", "error": dict(result.error)} if result.error else {"status": "succeeded"}
        self.advance(run_id, **end, finished_at=datetime.now(UTC))

    def manifest(self, run_id: UUID) -> RunManifest:
        """The manifest of a run as it is now."""
        job, result = self.jobs[run_id], self.results.get(self.jobs[run_id].template_key or "", Result())
        status = {"succeeded": "complete", "failed": "failed", "canceled": "failed"}.get(job.status, "pending")
        manifest = RunManifest(
            run_id=run_id,
            tenant_id=job.tenant_id,
            project_id=job.project_id,
            template_key=job.template_key,
            template_version=job.template_version,
            status=status,
            requested_by=job.requested_by,
            inputs=self.inputs[run_id],
            outputs=dict(result.outputs) if status == "complete" else None,
            artifacts=tuple(self._artifact(run_id, name) for name in result.artifacts) if status == "complete" else (),
            attempts=(Attempt(number=1, worker="fake", started_at=job.started_at, finished_at=job.finished_at),),
            timings=Timings(requested_at=job.created_at, queued_for=0.01, ran_for=0.5, finished_at=job.finished_at),
            environment=ENVIRONMENT,
            error=job.error,
            trace=TraceReference(trace_id=job.trace_id, otel_trace_id=f"{otel_trace_id(job.trace_id or '-'):032x}"),
        )
        return manifest if status == "pending" else manifest.sealed()

    def artifact(self, run_id: UUID, name: str) -> tuple[str, bytes] | None:
        """The media type and bytes of an artifact."""
        return self.results.get(self.jobs[run_id].template_key or "", Result()).artifacts.get(name)

    def _artifact(self, run_id: UUID, name: str) -> Artifact:
        media_type, data = self.artifact(run_id, name) or ("", b"")
        return Artifact(
            name=name,
            media_type=media_type,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            location=f"artifacts/{name}",
            url=f"{self.url}/v1/runs/{run_id}/artifacts/{name}",
        )


def problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """A problem document as an answer."""
    body = Problem(title=code, status=status, code=code, detail=detail, **more).to_bytes()
    return Response(body, status, dict(headers or {}), media_type="application/problem+json")


@contextmanager
def serving(app: ASGIApp, plane: FakePlane | None = None) -> Iterator[str]:
    """Serves an app on a free local port in a thread; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    started = threading.Event()

    async def noticed(scope: Scope, receive: Receive, send: Send) -> None:
        if plane is not None:
            plane.loop = asyncio.get_running_loop()
        await app(scope, receive, send)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started.set()

    server = Server(uvicorn.Config(noticed, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        assert started.wait(20), "the local server did not start"
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
