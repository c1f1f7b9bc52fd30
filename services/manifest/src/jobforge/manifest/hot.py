"""The two reads that every job causes, answered without a framework: the job, waited for or not, and its manifest."""

import re
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import orjson
from fastapi import FastAPI

from jobforge.chassis.hot_door import Answer, Headers, Hot, HotDoor
from jobforge.chassis.metrics import Receive, Scope
from jobforge.manifest import keys, problems
from jobforge.manifest.door import Door
from jobforge.manifest.live import wait_for_change
from jobforge.manifest.reads import Row

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_PATH = re.compile(rf"/v1/runs/({_UUID})(/manifest)?")
_TENANT = rb"tenant_id=([A-Za-z0-9][A-Za-z0-9_.-]{0,127})"
_QUERY = re.compile(_TENANT + rb"(?:&wait=([0-9]{1,5}(?:\.[0-9]{1,6})?))?")
JOB, MANIFEST = "/v1/runs/{run_id}", "/v1/runs/{run_id}/manifest"


class ManifestApp(HotDoor, FastAPI):
    """The service's app: FastAPI for everything that is not hot, or unusual in any way."""


def hot_reads(app: ManifestApp, door: Door) -> None:
    """Let the app answer the hot reads by itself; its routes of the same addresses document them."""

    def hot(scope: Scope, receive: Receive) -> Hot | None:
        if scope["method"] != "GET":
            return None
        path, query = _PATH.fullmatch(scope["path"]), _QUERY.fullmatch(scope["query_string"])
        if path is None or query is None:
            return None
        run_id, tenant_id, wait = UUID(path[1]), query[1].decode(), query[2]
        if not path[2]:
            return Hot(JOB, lambda: _job(door, tenant_id, run_id, float(wait) if wait else 0.0))
        if wait is not None:
            return None
        return Hot(MANIFEST, lambda: _manifest(door, tenant_id, run_id, scope))

    app.hot = hot
    app.refusal = problems.plain
    app.expected = problems.EXPECTED


async def _job(door: Door, tenant_id: str, run_id: UUID, wait: float) -> Answer:
    if wait:
        row = await wait_for_change(door.reads, door.changes, tenant_id, run_id, wait=wait)
    else:
        row = await door.reads.run(tenant_id, run_id)
    return Answer(200, _headers(row), row.job_json())


async def _manifest(door: Door, tenant_id: str, run_id: UUID, scope: Scope) -> Answer:
    door.check_manifests_enabled()
    known = door.changes.sealed(keys.row(tenant_id, run_id))
    row = known.shown(tenant_id, run_id) if known else await door.reads.run(tenant_id, run_id, manifest=True)
    base = _base_url(scope)
    if row.manifest is None or row.archived is not None:
        manifest = door.addressed(door.manifest_of(row), base, 0)
        return Answer(200, _headers(row), manifest.model_dump_json().encode())
    content: dict[str, Any] = orjson.loads(row.manifest)
    if content["artifacts"]:
        at, tenant = f"{base}/v1/runs/{run_id}/artifacts", urlencode({"tenant_id": tenant_id})
        for artifact in content["artifacts"]:
            artifact["url"] = f"{at}/{quote(artifact['name'])}?{tenant}"
    if content["trace"]["otel_trace_id"]:
        content["trace"]["url"] = f"{door.jaeger_url.rstrip('/')}/trace/{content['trace']['otel_trace_id']}"
    content["duplicates"] = row.run.duplicates if row.run else 0
    return Answer(200, _headers(row), orjson.dumps(content))


def _headers(row: Row) -> Headers:
    return [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"jobforge-as-of", row.as_of.encode()),
    ]


def _base_url(scope: Scope) -> str:
    """Where the caller found this service, as Starlette would say it."""
    for name, value in scope["headers"]:
        if name == b"host":
            return f"{scope['scheme']}://{value.decode('latin-1')}"
    host, port = scope["server"]
    return f"{scope['scheme']}://{host}:{port}"
