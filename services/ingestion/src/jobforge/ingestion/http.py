"""Every route of the door but the two hot ones, which are only declared here."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from jobforge.chassis.artifacts import ArtifactStore, StoreUnavailable, TooLarge
from jobforge.chassis.hot_door import CallerLeft
from jobforge.contracts.base import ActorId, ObjectId, TenantId
from jobforge.contracts.envelope import EventReceipt, EventSubmission
from jobforge.contracts.jobs import IdempotencyKey, JobAccepted, JobSubmission
from jobforge.ingestion import batch
from jobforge.ingestion.answers import (
    CancelAccepted,
    EventOutcome,
    ObjectStored,
)
from jobforge.ingestion.door import read_body
from jobforge.ingestion.intake import Intake, Outcome
from jobforge.ingestion.problems import documented, problem
from jobforge.ingestion.refusal import Refusal, invalid

ObjectKind = Literal["contract", "document", "asset"]
Tenant = Annotated[TenantId, Query(description="The tenant that owns it.")]
_BYTES = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"(?=.{3,200}$)[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:\s*;[\x20-\x7e]*)?", re.ASCII)


class NeverEntered(Exception):
    """A request got past ``Door`` into a route that is only declared: a fault of the door, answered with 500."""


def declared_routes() -> APIRouter:
    """The hot routes, for the OpenAPI document and for 405; ``Door`` answers them before any router."""
    router = APIRouter()

    @router.post("/v1/events", status_code=202, tags=["events"], responses=documented(400, 403, 413, 422, 431, 503))
    async def submit_event(event: EventSubmission) -> EventReceipt:
        """State a fact. The answer comes when Kafka holds the event."""
        raise NeverEntered

    @router.post(
        "/v1/jobs", status_code=202, tags=["jobs"], responses=documented(400, 403, 404, 409, 413, 422, 431, 503)
    )
    async def request_job(
        request: JobSubmission,
        idempotency_key: Annotated[IdempotencyKey | None, Header(description="Names the run for ever.")] = None,
    ) -> JobAccepted:
        """Ask for a run of a template. The answer comes when Kafka holds the request."""
        raise NeverEntered

    return router


def event_and_job_routes(intake: Intake) -> APIRouter:
    """Batches and cancellations."""
    router = APIRouter()

    @router.post(
        "/v1/events:batch",
        status_code=207,
        tags=["events"],
        response_model=list[EventOutcome],
        responses=documented(400, 403, 413, 431),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/x-ndjson": {"schema": {"type": "string"}},
                    "application/json": {
                        "schema": {
                            "type": "array",
                            "maxItems": batch.MAX_EVENTS,
                            "items": {"$ref": "#/components/schemas/EventSubmission"},
                        }
                    },
                },
            }
        },
    )
    async def submit_events(request: Request) -> Response:
        """State many facts: up to 1,000 events in 16 MiB, as NDJSON or a JSON list. One outcome for each, in order."""
        try:
            body = await read_body(list(request.headers.raw), request.receive, batch.MAX_BYTES)
        except Refusal:
            raise batch.too_large() from None
        outcomes = await intake.accept_events(await asyncio.to_thread(batch.split, body))
        shown = b",".join(_shown(outcome) for outcome in outcomes)
        return Response(b"[" + shown + b"]", 207, media_type="application/json")

    @router.post("/v1/jobs/{job_id}/cancel", status_code=202, tags=["jobs"], responses=documented(422, 431, 503))
    async def cancel_job(
        job_id: UUID, tenant_id: Tenant, actor_id: Annotated[ActorId | None, Query()] = None
    ) -> CancelAccepted:
        """Ask to cancel a run, known here or not yet; on a terminal run it does nothing."""
        if actor_id is not None and "\x00" in actor_id:
            raise invalid("/query/actor_id", "value.nul", "text may not hold the character NUL: remove it")
        position = await intake.cancel(tenant_id, job_id, actor_id=actor_id)
        return CancelAccepted(job_id=job_id, tenant_id=tenant_id, as_of=str(position))

    return router


def object_routes(objects: ArtifactStore, *, limit: int) -> APIRouter:
    """Uploads of what inputs name."""
    router = APIRouter()

    @router.put(
        "/v1/objects/{kind}/{object_id}",
        status_code=201,
        tags=["objects"],
        responses=documented(400, 413, 422, 431, 503),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {_BYTES: {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def put_object(
        request: Request,
        kind: ObjectKind,
        object_id: Annotated[ObjectId, Path()],
        tenant_id: Tenant,
    ) -> ObjectStored:
        """Store bytes under an id that inputs may name; an older object of that id is replaced at once."""
        content_type = media_type(request.headers.get("content-type", _BYTES))
        try:
            if int(request.headers.get("content-length", "0")) > limit:
                raise TooLarge(limit)
            stored = await objects.put_object(
                tenant_id, kind, object_id, _chunks(request), content_type=content_type, limit=limit
            )
        except TooLarge:
            raise Refusal(
                413,
                "object.too_large",
                f"An object may have {limit} bytes (JOBFORGE_MAX_OBJECT_BYTES); nothing was stored.",
            ) from None
        except ClientDisconnect:
            raise CallerLeft from None
        except StoreUnavailable as error:
            raise Refusal(
                503, "objects.unavailable", "The object store cannot be reached; nothing was stored: try again."
            ) from error
        return ObjectStored.model_validate(stored, from_attributes=True)

    return router


def media_type(said: str) -> str:
    """A Content-Type as it is kept; raises ``Refusal`` for one that is no media type."""
    if _MEDIA_TYPE.fullmatch(said) is None:
        raise Refusal(
            400,
            "object.content_type_invalid",
            "Content-Type must be a media type such as application/pdf, with up to 200 visible ASCII characters.",
        )
    return said


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


def _shown(outcome: Outcome) -> bytes:
    refusal = outcome.refusal
    if refusal is None:
        return b'{"status":202,"event_id":"%s","error":null}' % str(outcome.event_id).encode()
    shown = EventOutcome(status=refusal.status, event_id=outcome.event_id, error=problem(refusal))
    return shown.model_dump_json().encode()
