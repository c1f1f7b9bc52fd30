"""What an app sends: events, job requests, objects and switches, each as one call."""

import mimetypes
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from jobforge.client.answers import CancelReceipt, ObjectReceipt
from jobforge.client.exchange import JSON, Call, Reply, model, segment, to_json
from jobforge.client.uuid7 import uuid7
from jobforge.contracts.envelope import EventReceipt
from jobforge.contracts.jobs import JobAccepted

_BYTES = "application/octet-stream"


def submit_event(
    *,
    tenant_id: str,
    event_type: str,
    trace_id: str,
    source_app: str,
    source_module: str | None = None,
    project_id: str | None = None,
    subject: Mapping[str, str] | None = None,
    payload: Mapping[str, Any] | None = None,
    contains_pii: bool = False,
    redaction_hints: Sequence[str] | None = None,
    event_id: UUID | str | None = None,
    occurred_at: datetime | None = None,
) -> Call[EventReceipt]:
    """State a fact; ``subject`` is ``{"type": ..., "id": ...}``. When this returns, the event is on record.

    ``event_id`` (else made here) names the event for ever: sending it again is the same event.
    """
    body = event_body(locals())
    return Call("POST", "/v1/events", model(EventReceipt), headers={"content-type": JSON}, content=to_json(body))


def event_body(given: Mapping[str, Any]) -> dict[str, Any]:
    """An event as it is sent: without what was not given, with its identity and moment."""
    body = {name: value for name, value in given.items() if value is not None}
    body.setdefault("event_id", uuid7())
    body.setdefault("occurred_at", datetime.now(UTC))
    return body


def request_job(
    *,
    tenant_id: str,
    template_key: str,
    inputs: Mapping[str, Any] | None = None,
    trace_id: str | None = None,
    actor_id: str | None = None,
    source_app: str | None = None,
    project_id: str | None = None,
    idempotency_key: str | None = None,
    dry_run: bool = False,
    policy_token: str | None = None,
    start_within: float | None = None,
) -> Call[JobAccepted]:
    """Ask for a run of a template; ``result.job.id`` names it. When this returns, the request is on record.

    The same ``idempotency_key`` (else made here) names the same run for ever; with another body it is a
    ``JobForgeConflict``. A run that has not begun ``start_within`` seconds after its request ends with ``job.expired``.
    A ``dry_run`` does nothing to the world; what it would do is in the manifest's ``outputs["planned_effects"]``.
    Raises ``JobForgeDisabled`` when the template is off, ``JobForgeInvalid`` for wrong inputs.
    """
    body = {name: value for name, value in locals().items() if value is not None and name != "idempotency_key"}
    headers = {"content-type": JSON, "idempotency-key": idempotency_key or str(uuid7())}
    return Call("POST", "/v1/jobs", model(JobAccepted), headers=headers, content=to_json(body))


def cancel_job(job_id: UUID | str, tenant_id: str, *, actor_id: str | None = None) -> Call[CancelReceipt]:
    """Ask to cancel a run; on one that has ended it does nothing."""
    params = {"tenant_id": tenant_id, "actor_id": actor_id}
    return Call("POST", f"/v1/jobs/{segment(job_id)}/cancel", model(CancelReceipt), params=params)


def put_object(
    kind: str,
    object_id: str,
    data_or_path: bytes | str | os.PathLike[str],
    *,
    tenant_id: str,
    content_type: str | None = None,
) -> Call[ObjectReceipt]:
    """Upload the bytes that an input names: bytes, or the path of a file, which is streamed.

    ``content_type`` is else guessed from the path. An object of the same name is replaced.
    """
    content = bytes(data_or_path) if isinstance(data_or_path, bytes | bytearray) else Path(data_or_path)
    guessed = mimetypes.guess_type(content.name)[0] if isinstance(content, Path) else None
    return Call(
        "PUT",
        f"/v1/objects/{segment(kind)}/{segment(object_id)}",
        model(ObjectReceipt),
        params={"tenant_id": tenant_id},
        headers={"content-type": content_type or guessed or _BYTES},
        content=content,
    )


def set_template(template_key: str, enabled: bool) -> Call[None]:
    """Switch a template on or off (development profile only)."""
    return _switch(f"/v1/templates/{segment(template_key)}", enabled)


def set_trigger(name: str, enabled: bool) -> Call[None]:
    """Switch a trigger or schedule on or off (development profile only)."""
    return _switch(f"/v1/triggers/{segment(name)}", enabled)


def set_flag(name: str, enabled: bool) -> Call[None]:
    """Switch a feature flag on or off (development profile only)."""
    return _switch(f"/v1/flags/{segment(name)}", enabled)


def _switch(path: str, enabled: bool) -> Call[None]:
    return Call("PUT", path, _nothing, headers={"content-type": JSON}, content=to_json({"enabled": enabled}))


def _nothing(reply: Reply) -> None:
    return None
