"""What can be read of one run: the job, its changes, its manifest, report and artifacts."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from jobforge.chassis.artifacts import NotFound
from jobforge.client.reports import MEDIA_TYPES, generate_manifest_report
from jobforge.contracts.base import TenantId
from jobforge.contracts.jobs import Job
from jobforge.contracts.manifest import Artifact, RunManifest
from jobforge.manifest.door import Door
from jobforge.manifest.live import EVERYTHING, HELD, LONGEST_WAIT, follow, wait_for_change
from jobforge.manifest.problems import Refused, documented, run_not_found
from jobforge.manifest.reads import Row

THUMBNAIL_BYTES = 512 * 1024
"""Images up to this size are shown in an HTML report; larger ones are only named."""
THUMBNAILS_BYTES = 4 * 1024 * 1024
AS_OF = "JobForge-As-Of"

Tenant = Annotated[TenantId, Query(description="Who owns the run; another tenant's run is not there.")]
RunId = Annotated[str, Path(description="The run's id.")]


def runs_router(door: Door) -> APIRouter:
    """The routes under ``/v1/runs/{run_id}``."""
    router = APIRouter(prefix="/v1/runs/{run_id}", tags=["runs"], responses=documented(404, 422, 503))

    @router.get("", response_model=Job, summary="The job")
    async def get_run(
        run_id: RunId,
        tenant_id: Tenant,
        wait: Annotated[
            float | None,
            Query(
                ge=0,
                description=f"Seconds to wait for the next change, up to {LONGEST_WAIT:g}; none if terminal. "
                f"What is no end is told {HELD * 1000:g} ms late: most jobs end meanwhile.",
            ),
        ] = None,
    ) -> Response:
        known = _uuid(run_id)
        if wait:
            row = await wait_for_change(door.reads, door.changes, tenant_id, known, wait=wait)
        else:
            row = await door.reads.run(tenant_id, known)
        return _json(row.job_json(), row)

    @router.get(
        "/events",
        summary="Every change of the job, as server-sent events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}, "description": "`data` is the job, `id` resumes."}},
    )
    async def get_changes(
        run_id: RunId, tenant_id: Tenant, last_event_id: Annotated[str | None, Header()] = None
    ) -> StreamingResponse:
        known = _uuid(run_id)
        row = await door.reads.run(tenant_id, known)
        events = follow(door.reads, door.changes, tenant_id, known, after=_offset(last_event_id))
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", AS_OF: row.as_of}
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    _manifest_routes(router, door)
    return router


def _manifest_routes(router: APIRouter, door: Door) -> None:
    hidden = documented(403)

    @router.get("/manifest", response_model=RunManifest, responses=hidden, summary="The manifest")
    async def get_manifest(run_id: RunId, tenant_id: Tenant, request: Request) -> Response:
        row, manifest = await _manifest(door, run_id, tenant_id, request)
        return _json(manifest.model_dump_json().encode(), row)

    @router.get(
        "/report",
        responses={
            **hidden,
            200: {"content": {media: {} for media in MEDIA_TYPES.values()}, "description": "The report."},
        },
        response_class=Response,
        summary="The report",
    )
    async def get_report(
        run_id: RunId,
        tenant_id: Tenant,
        request: Request,
        format: Literal["markdown", "html", "json"] = "markdown",  # noqa: A002 - the parameter's name
        include_inputs: bool = True,
        include_metrics: bool = True,
        include_env: bool = True,
    ) -> Response:
        row, manifest = await _manifest(door, run_id, tenant_id, request)
        report = generate_manifest_report(
            manifest,
            include_inputs=include_inputs,
            include_metrics=include_metrics,
            include_env=include_env,
            format=format,
            artifact_bytes=await _thumbnails(door, manifest) if format == "html" else None,
        )
        headers = {AS_OF: row.as_of, "X-Content-Type-Options": "nosniff"}
        if format == "html":
            headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        return Response(report, media_type=MEDIA_TYPES[format], headers=headers)

    @router.get(
        "/artifacts/{name}",
        responses={
            **hidden,
            200: {"content": {"application/octet-stream": {}}, "description": "The bytes."},
            304: {"description": "The caller has these bytes."},
        },
        response_class=StreamingResponse,
        summary="An artifact's bytes",
    )
    async def get_artifact(
        run_id: RunId,
        tenant_id: Tenant,
        request: Request,
        name: Annotated[str, Path(max_length=200)],
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        row, manifest = await _manifest(door, run_id, tenant_id, request)
        artifact = next((one for one in manifest.artifacts if one.name == name), None)
        if artifact is None:
            raise _no_artifact()
        return await _artifact(door, artifact, row, if_none_match)


async def _manifest(door: Door, run_id: str, tenant_id: str, request: Request) -> tuple[Row, RunManifest]:
    door.check_manifests_enabled()
    row = await door.reads.run(tenant_id, _uuid(run_id), manifest=True)
    return row, door.addressed(door.manifest_of(row), str(request.base_url), row.run.duplicates if row.run else 0)


async def _artifact(door: Door, artifact: Artifact, row: Row, if_none_match: str | None) -> Response:
    headers = {
        "ETag": f'"{artifact.sha256}"',
        "Cache-Control": "private, max-age=31536000, immutable",
        # The bytes come from a job: a browser must neither guess what they are nor run them in this origin.
        "Content-Disposition": f'attachment; filename="{artifact.name}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        AS_OF: row.as_of,
    }
    known = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    if headers["ETag"] in known or "*" in known:
        return Response(status_code=304, headers=headers)
    pieces = door.artifacts.stream(artifact.location)
    try:
        first = await anext(pieces, b"")
    except NotFound:
        raise _no_artifact() from None

    async def body() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    headers["Content-Length"] = str(artifact.size)
    return StreamingResponse(body(), media_type=artifact.media_type, headers=headers)


async def _thumbnails(door: Door, manifest: RunManifest) -> dict[str, bytes]:
    """The small images among the artifacts; one that is gone is left out."""
    found: dict[str, bytes] = {}
    room = THUMBNAILS_BYTES
    for artifact in manifest.artifacts:
        if artifact.media_type.startswith("image/") and artifact.size <= min(THUMBNAIL_BYTES, room):
            try:
                found[artifact.name] = await door.artifacts.read(artifact.location)
                room -= artifact.size
            except NotFound:
                continue
    return found


def _no_artifact() -> Refused:
    return Refused(404, "artifact.not_found", "The run has no such artifact.")


def _uuid(run_id: str) -> UUID:
    """What is no id names no run."""
    try:
        return UUID(run_id)
    except ValueError:
        raise run_not_found() from None


def _offset(last_event_id: str | None) -> int:
    try:
        return int(last_event_id) if last_event_id else EVERYTHING
    except ValueError:
        return EVERYTHING


def _json(body: bytes, row: Row) -> Response:
    return Response(body, media_type="application/json", headers={AS_OF: row.as_of, "Cache-Control": "no-store"})
