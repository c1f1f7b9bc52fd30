"""What can be read of many: lists of runs and events, and everything that shares a trace."""

import base64
import re
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from jobforge.contracts.base import EventType, Instant, ProjectId, SourceApp, TemplateKey, TenantId, TraceId, Value
from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.identity import otel_trace_id
from jobforge.contracts.jobs import Job, JobStatus
from jobforge.manifest.door import Door
from jobforge.manifest.problems import documented, invalid

MOST = 200
"""Entries of one page."""
_MEMBER = re.compile(r"\d{17}:[0-9a-f-]{36}")

Tenant = Annotated[TenantId, Query()]
Limit = Annotated[int, Query(ge=1, le=MOST)]
Cursor = Annotated[str | None, Query(max_length=200, description="From `next_cursor` of the page before.")]


class RunList(Value):
    """A page of runs, newest first. A page may hold fewer than asked for and still have a next one."""

    runs: tuple[Job, ...]
    next_cursor: str | None = None
    as_of: str


class EventList(Value):
    """A page of events, newest first."""

    events: tuple[EventEnvelope, ...]
    next_cursor: str | None = None
    as_of: str


class TraceEntry(Value):
    """One thing in a trace: an event or a run, whichever ``kind`` says, and when it came."""

    kind: Literal["event", "run"]
    at: Instant | None
    event: EventEnvelope | None = None
    run: Job | None = None


class TraceView(Value):
    """Everything that shares a trace id, in the order it came; ``url`` is where Jaeger shows its spans."""

    trace_id: str
    otel_trace_id: str
    url: str
    entries: tuple[TraceEntry, ...]
    as_of: str


def lists_router(door: Door) -> APIRouter:
    """The routes that answer with many things of one tenant."""
    router = APIRouter(prefix="/v1", responses=documented(422, 503))

    @router.get("/runs", response_model=RunList, tags=["runs"], summary="A tenant's runs, newest first")
    async def list_runs(
        tenant_id: Tenant,
        status: JobStatus | None = None,
        template_key: TemplateKey | None = None,
        project_id: ProjectId | None = None,
        trace_id: TraceId | None = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        wanted = _given(status=status, template_key=template_key, project_id=project_id, trace_id=trace_id)
        page = await door.reads.runs(tenant_id, wanted, limit=limit, cursor=_member(cursor))
        return _json(RunList(runs=tuple(page.items), next_cursor=_opaque(page.next_cursor), as_of=page.as_of))

    @router.get("/events", response_model=EventList, tags=["events"], summary="A tenant's events, newest first")
    async def list_events(
        tenant_id: Tenant,
        event_type: EventType | None = None,
        source_app: SourceApp | None = None,
        source_module: Annotated[str | None, Query(max_length=128)] = None,
        project_id: ProjectId | None = None,
        trace_id: TraceId | None = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        wanted = _given(
            event_type=event_type,
            source_app=source_app,
            source_module=source_module,
            project_id=project_id,
            trace_id=trace_id,
        )
        page = await door.reads.events(tenant_id, wanted, limit=limit, cursor=_member(cursor))
        return _json(EventList(events=tuple(page.items), next_cursor=_opaque(page.next_cursor), as_of=page.as_of))

    @router.get("/traces/{trace_id}", response_model=TraceView, tags=["traces"], summary="Everything in a trace")
    async def get_trace(trace_id: Annotated[TraceId, Path()], tenant_id: Tenant) -> Response:
        events, jobs, as_of = await door.reads.trace(tenant_id, trace_id)
        entries = [TraceEntry(kind="event", at=event.received_at, event=event) for event in events]
        entries += [TraceEntry(kind="run", at=job.created_at, run=job) for job in jobs]
        return _json(
            TraceView(
                trace_id=trace_id,
                otel_trace_id=f"{otel_trace_id(trace_id):032x}",
                url=door.trace_url(trace_id),
                entries=tuple(sorted(entries, key=_when)),
                as_of=as_of,
            )
        )

    return router


def _when(entry: TraceEntry) -> float:
    return entry.at.timestamp() if entry.at is not None else 0.0


def _given(**wanted: str | None) -> dict[str, str]:
    return {name: value for name, value in wanted.items() if value is not None}


def _opaque(member: str | None) -> str | None:
    return base64.urlsafe_b64encode(member.encode()).decode() if member else None


def _member(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        member = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii")
    except ValueError:
        member = ""
    if _MEMBER.fullmatch(member) is None:
        raise invalid("/query/cursor", "cursor_invalid", "The cursor is not one that this list gave out.")
    return member


def _json(answer: Value) -> Response:
    return Response(answer.model_dump_json(), media_type="application/json", headers={"Cache-Control": "no-store"})
