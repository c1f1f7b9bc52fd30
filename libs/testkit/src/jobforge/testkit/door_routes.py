"""What the faked doors answer, per the paths that apps call."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from jobforge.contracts.envelope import EventReceipt, EventSubmission
from jobforge.contracts.identity import otel_trace_id
from jobforge.contracts.jobs import Job, JobAccepted, JobSubmission
from jobforge.testkit.doors import FakePlane, Seen, problem, serving


@contextmanager
def fake_plane() -> Iterator[FakePlane]:
    """A plane whose two doors answer at one address, ``plane.url``."""
    plane = FakePlane()
    with serving(_app(plane), plane) as url:
        plane.url = url
        yield plane


def _app(plane: FakePlane) -> Starlette:
    doors = _Doors(plane)
    routes = [
        ("POST", "/v1/events", doors.submit_event),
        ("POST", "/v1/events:batch", doors.submit_events),
        ("POST", "/v1/jobs", doors.request_job),
        ("POST", "/v1/jobs/{run_id}/cancel", doors.cancel),
        ("PUT", "/v1/objects/{kind}/{object_id}", doors.put_object),
        ("GET", "/v1/flags", doors.flags),
        ("PUT", "/v1/flags/{name}", doors.set_flag),
        ("GET", "/v1/templates", doors.templates),
        ("GET", "/v1/templates/{key}", doors.template),
        ("PUT", "/v1/templates/{key}", doors.set_template),
        ("GET", "/v1/triggers", doors.triggers),
        ("PUT", "/v1/triggers/{name}", doors.set_trigger),
        ("GET", "/v1/runs", doors.runs),
        ("GET", "/v1/runs/{run_id}", doors.run),
        ("GET", "/v1/runs/{run_id}/events", doors.stream),
        ("GET", "/v1/runs/{run_id}/manifest", doors.manifest),
        ("GET", "/v1/runs/{run_id}/report", doors.report),
        ("GET", "/v1/runs/{run_id}/artifacts/{name}", doors.artifact),
        ("GET", "/v1/events", doors.events),
        ("GET", "/v1/traces/{trace_id}", doors.trace),
        ("GET", "/readyz", doors.ready),
    ]
    return Starlette(routes=[Route(path, _watched(plane, answer), methods=[verb]) for verb, path, answer in routes])


def _watched(plane: FakePlane, answer: Any) -> Any:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        query, headers = dict(request.query_params), dict(request.headers)
        plane.seen.append(Seen(request.method, request.url.path, query, headers, body))
        fault = plane.faults.pop(0) if plane.faults else None
        if isinstance(fault, Response):
            return fault
        if fault is not None:
            await asyncio.sleep(fault)
        try:
            answered: Response = await answer(request)
        except ValidationError as error:
            errors = [
                {"pointer": "/" + "/".join(map(str, each["loc"])), "code": each["type"], "message": each["msg"]}
                for each in error.errors()
            ]
            return problem(422, "request.invalid", "the request is invalid", errors=errors)
        return answered

    return endpoint


class _Doors:
    def __init__(self, plane: FakePlane) -> None:
        self.plane = plane

    async def ready(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def submit_event(self, request: Request) -> Response:
        if not self.plane.flags["JOBFORGE_EVENTS_ENABLED"]:
            return problem(403, "feature.disabled", "Event ingestion is disabled (JOBFORGE_EVENTS_ENABLED)")
        return Response(self._take(await request.body()).model_dump_json(), 202, media_type="application/json")

    def _take(self, body: bytes) -> EventReceipt:
        event = EventSubmission.model_validate_json(body)
        assert event.event_id is not None
        assert event.occurred_at is not None
        taken = event.model_dump(mode="json")
        self.plane.events[event.event_id] = {**taken, "received_at": taken["occurred_at"]}
        return EventReceipt(event_id=event.event_id, trace_id=event.trace_id)

    async def submit_events(self, request: Request) -> Response:
        outcomes: list[dict[str, Any]] = []
        for line in (await request.body()).splitlines():
            try:
                receipt = self._take(line)
                outcomes.append({"status": 202, "event_id": str(receipt.event_id), "error": None})
            except ValidationError as error:
                refused = json.loads(bytes(problem(422, "event.invalid", str(error.error_count())).body))
                outcomes.append({"status": 422, "event_id": json.loads(line).get("event_id"), "error": refused})
        return JSONResponse(outcomes, 207)

    async def request_job(self, request: Request) -> Response:
        body = JobSubmission.model_validate_json(await request.body())
        if body.template_key in self.plane.disabled:
            return problem(403, "template.disabled", f"Template is disabled: {body.template_key}")
        job = self.plane.accept(body, request.headers["idempotency-key"])
        accepted = JobAccepted(job=job, trace_id=job.trace_id or "-", dry_run=job.dry_run)
        return Response(accepted.model_dump_json(), 202, media_type="application/json")

    async def cancel(self, request: Request) -> Response:
        run_id, tenant_id = UUID(request.path_params["run_id"]), request.query_params["tenant_id"]
        if run_id in self.plane.jobs:
            self.plane.advance(run_id, cancel_requested=True)
        return JSONResponse({"job_id": str(run_id), "tenant_id": tenant_id, "cancel_requested": True}, 202)

    async def put_object(self, request: Request) -> Response:
        kind, object_id, data = request.path_params["kind"], request.path_params["object_id"], await request.body()
        content_type = request.headers["content-type"]
        self.plane.objects[request.query_params["tenant_id"], kind, object_id] = (content_type, data)
        receipt = {"kind": kind, "object_id": object_id, "size": len(data), "content_type": content_type}
        return JSONResponse({**receipt, "sha256": hashlib.sha256(data).hexdigest()}, 201)

    async def flags(self, request: Request) -> Response:
        return JSONResponse({"flags": self.plane.flags})

    async def set_flag(self, request: Request) -> Response:
        self.plane.flags[request.path_params["name"]] = (await request.json())["enabled"]
        return JSONResponse({"flags": self.plane.flags})

    async def templates(self, request: Request) -> Response:
        return JSONResponse({"templates": [self._template(key) for key in self.plane.results]})

    async def template(self, request: Request) -> Response:
        key = request.path_params["key"]
        if key not in self.plane.results:
            return problem(404, "template.unknown", f"Unknown template: {key}")
        return JSONResponse(self._template(key))

    async def set_template(self, request: Request) -> Response:
        key, enabled = request.path_params["key"], (await request.json())["enabled"]
        (self.plane.disabled.discard if enabled else self.plane.disabled.add)(key)
        return JSONResponse(self._template(key))

    async def triggers(self, request: Request) -> Response:
        return JSONResponse({"triggers": list(self.plane.triggers.values())})

    async def set_trigger(self, request: Request) -> Response:
        name, enabled = request.path_params["name"], (await request.json())["enabled"]
        if name not in self.plane.triggers:
            return problem(404, "trigger.unknown", f"Trigger is unknown: {name}")
        self.plane.triggers[name]["enabled"] = enabled
        return JSONResponse({"name": name, "enabled": enabled})

    def _template(self, key: str) -> dict[str, Any]:
        return {
            "template_key": key,
            "version": "1",
            "description": "A faked template.",
            "input_schema": {"type": "object"},
            "output_schema": {"type": "object"},
            "effects": "pure",
            "timeout_seconds": 60.0,
            "attempts": 1,
            "enabled": key not in self.plane.disabled,
        }

    def _job(self, request: Request) -> Job | Response:
        try:
            job = self.plane.jobs.get(UUID(request.path_params["run_id"]))
        except ValueError:
            job = None
        if job is None or job.tenant_id != request.query_params.get("tenant_id"):
            return problem(404, "run.not_found", "There is no such run")
        return job

    async def runs(self, request: Request) -> Response:
        wanted = {name: value for name, value in request.query_params.items() if name not in {"limit", "cursor"}}
        found = [job.model_dump(mode="json") for job in reversed(self.plane.jobs.values())]
        found = [job for job in found if all(job[name] == value for name, value in wanted.items())]
        start, limit = int(request.query_params.get("cursor", 0)), int(request.query_params.get("limit", 50))
        after = str(start + limit) if start + limit < len(found) else None
        return JSONResponse({"runs": found[start : start + limit], "next_cursor": after})

    async def run(self, request: Request) -> Response:
        job = self._job(request)
        if isinstance(job, Response):
            return job
        seconds = float(request.query_params.get("wait", 0))
        if seconds and self.plane.holds_polls and not job.is_terminal:
            job = await self._changed(job, seconds)
        return Response(job.model_dump_json(), media_type="application/json")

    async def _changed(self, job: Job, seconds: float) -> Job:
        try:
            async with asyncio.timeout(seconds), self.plane.changed:
                await self.plane.changed.wait_for(lambda: self.plane.jobs[job.id] != job)
        except TimeoutError:
            pass
        return self.plane.jobs[job.id]

    async def stream(self, request: Request) -> Response:
        job = self._job(request)
        if isinstance(job, Response):
            return job
        start = int(request.headers.get("last-event-id", -1)) + 1
        return StreamingResponse(self._states(job.id, start), media_type="text/event-stream")

    async def _states(self, run_id: UUID, start: int) -> AsyncIterator[str]:
        history = self.plane.history[run_id]
        for position in count(start):
            async with self.plane.changed:
                await self.plane.changed.wait_for(lambda: len(history) > position)  # noqa: B023 - awaited right here
            yield f"event: job\nid: {position}\ndata: {history[position].model_dump_json()}\n\n"
            if history[position].is_terminal or position - start + 1 == self.plane.breaks_streams_after:
                return

    async def manifest(self, request: Request) -> Response:
        job = self._job(request)
        if isinstance(job, Response):
            return job
        return Response(self.plane.manifest(job.id).model_dump_json(), media_type="application/json")

    async def report(self, request: Request) -> Response:
        job = self._job(request)
        return job if isinstance(job, Response) else Response(f"report of {job.id}", media_type="text/plain")

    async def artifact(self, request: Request) -> Response:
        job = self._job(request)
        if isinstance(job, Response):
            return job
        found = self.plane.artifact(job.id, request.path_params["name"])
        if found is None:
            return problem(404, "artifact.not_found", "There is no such artifact")
        media_type, data = found
        return Response(data, headers={"etag": f'"{hashlib.sha256(data).hexdigest()}"'}, media_type=media_type)

    async def events(self, request: Request) -> Response:
        wanted = {name: value for name, value in request.query_params.items() if name not in {"limit", "cursor"}}
        found = [e for e in self.plane.events.values() if all(e[name] == value for name, value in wanted.items())]
        return JSONResponse({"events": found, "next_cursor": None})

    async def trace(self, request: Request) -> Response:
        trace_id = request.path_params["trace_id"]
        entries = [
            {"kind": "event", "at": event["received_at"], "event": event}
            for event in self.plane.events.values()
            if event["trace_id"] == trace_id
        ]
        entries += [
            {"kind": "run", "at": job.created_at.isoformat(), "run": job.model_dump(mode="json")}
            for job in self.plane.jobs.values()
            if job.trace_id == trace_id and job.created_at
        ]
        named = f"{otel_trace_id(trace_id):032x}"
        url = f"{self.plane.url}/trace/{named}"
        return JSONResponse({"trace_id": trace_id, "otel_trace_id": named, "url": url, "entries": entries})
