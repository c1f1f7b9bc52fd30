"""What an app asks for: jobs, manifests, artifacts, events, traces and the catalog, each as one call."""

import hashlib
import re
from typing import Literal
from uuid import UUID

import pydantic_core

from jobforge.client.answers import EventPage, RunPage, TemplateInfo, TraceStory, TriggerInfo
from jobforge.client.errors import JobForgeUnexpectedAnswer
from jobforge.client.exchange import Call, Reply, model, segment
from jobforge.contracts.jobs import Job
from jobforge.contracts.manifest import RunManifest

_QUOTED_SHA256 = re.compile(r'"(?:sha256[:-])?([0-9a-f]{64})"')
ARTIFACT_PATIENCE = 30.0


def get_job(job_id: UUID | str, tenant_id: str, *, wait: float | None = None, repeats: bool = True) -> Call[Job]:
    """A job; with ``wait`` the answer comes on its next change, or after so many seconds."""
    params = {"tenant_id": tenant_id, "wait": f"{wait:.3f}".rstrip("0").rstrip(".") if wait else None}
    return Call("GET", _run(job_id), model(Job), door="query", params=params, patience=wait or 0.0, repeats=repeats)


def list_runs(
    *,
    tenant_id: str,
    status: str | None = None,
    template_key: str | None = None,
    project_id: str | None = None,
    trace_id: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[RunPage]:
    """A tenant's runs, newest first; pass ``next_cursor`` as ``cursor`` for the page after."""
    return Call("GET", "/v1/runs", model(RunPage), door="query", params=locals())


def get_run_manifest(*, run_id: UUID | str, tenant_id: str) -> Call[RunManifest]:
    """The record of a run; of an unfinished one with ``status`` ``pending`` and no digest."""
    return Call("GET", f"{_run(run_id)}/manifest", model(RunManifest), door="query", params={"tenant_id": tenant_id})


def get_report(
    run_id: UUID | str,
    tenant_id: str,
    *,
    format: Literal["markdown", "html", "json"] = "markdown",  # noqa: A002 - the parameter's name
) -> Call[str]:
    """The report of a run as the plane makes it, in HTML with pictures of its artifacts."""
    params = {"tenant_id": tenant_id, "format": format}
    return Call("GET", f"{_run(run_id)}/report", lambda reply: reply.body.decode(), door="query", params=params)


def get_artifact(run_id: UUID | str, name: str, tenant_id: str) -> Call[bytes]:
    """The bytes of a run's artifact, checked against their digest."""
    path = f"{_run(run_id)}/artifacts/{segment(name)}"
    return Call("GET", path, _verified, door="query", params={"tenant_id": tenant_id}, patience=ARTIFACT_PATIENCE)


def list_events(
    *,
    tenant_id: str,
    event_type: str | None = None,
    source_app: str | None = None,
    source_module: str | None = None,
    project_id: str | None = None,
    trace_id: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[EventPage]:
    """A tenant's accepted events, newest first; pass ``next_cursor`` as ``cursor`` for the page after."""
    return Call("GET", "/v1/events", model(EventPage), door="query", params=locals())


def get_trace(trace_id: str, tenant_id: str) -> Call[TraceStory]:
    """Everything of a tenant that shares a trace, in order, with the address of its spans."""
    path = f"/v1/traces/{segment(trace_id)}"
    return Call("GET", path, model(TraceStory), door="query", params={"tenant_id": tenant_id})


def list_templates() -> Call[tuple[TemplateInfo, ...]]:
    """Every template that the plane runs, and whether it may be requested."""
    return Call("GET", "/v1/templates", _templates)


def get_template(template_key: str) -> Call[TemplateInfo]:
    """One template; raises ``JobForgeNotFound`` for an unknown one."""
    return Call("GET", f"/v1/templates/{segment(template_key)}", model(TemplateInfo))


def list_triggers() -> Call[tuple[TriggerInfo, ...]]:
    """Every declared trigger and schedule, and whether it acts."""
    return Call("GET", "/v1/triggers", _triggers)


def get_flags() -> Call[dict[str, bool]]:
    """Each feature flag and whether it is on."""
    return Call("GET", "/v1/flags", _flags)


def _run(run_id: UUID | str) -> str:
    return f"/v1/runs/{segment(run_id)}"


def _verified(reply: Reply) -> bytes:
    check_digest(reply.headers.get("etag", ""), hashlib.sha256(reply.body).hexdigest())
    return reply.body


def check_digest(etag: str, sha256: str) -> None:
    """Raises ``JobForgeUnexpectedAnswer`` when bytes are not those that their ETag names."""
    named = _QUOTED_SHA256.search(etag)
    if named and named[1] != sha256:
        raise JobForgeUnexpectedAnswer(
            f"the bytes have the digest {sha256}, not {named[1]}: they were damaged on the way", code="client.damaged"
        )


def _templates(reply: Reply) -> tuple[TemplateInfo, ...]:
    return tuple(TemplateInfo.model_validate(each) for each in pydantic_core.from_json(reply.body)["templates"])


def _triggers(reply: Reply) -> tuple[TriggerInfo, ...]:
    return tuple(TriggerInfo.model_validate(each) for each in pydantic_core.from_json(reply.body)["triggers"])


def _flags(reply: Reply) -> dict[str, bool]:
    flags: dict[str, bool] = pydantic_core.from_json(reply.body)["flags"]
    return flags
