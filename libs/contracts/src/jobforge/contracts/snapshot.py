"""What a run's end says about its request: all of it, but for the inputs that nobody may see."""

from collections.abc import Collection

from jobforge.contracts.base import JsonObject, unchecked
from jobforge.contracts.canonical import digest
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RequestSnapshot

REDACTED = "[REDACTED]"

_request_snapshot = unchecked(RequestSnapshot)


def without(inputs: JsonObject, hidden: Collection[str]) -> JsonObject:
    """The inputs with every hidden top-level field replaced."""
    return {name: REDACTED if name in hidden else value for name, value in inputs.items()} if hidden else inputs


def sensitive_fields(input_schema: JsonObject) -> frozenset[str]:
    """The inputs that a template's announced schema marks as sensitive."""
    # A model that holds itself is written as a reference to its own definition.
    own = str(input_schema.get("$ref", "")).removeprefix("#/$defs/")
    fields = input_schema.get("$defs", {}).get(own, input_schema).get("properties", {})
    return frozenset(name for name, field in fields.items() if isinstance(field, dict) and field.get("sensitive"))


def snapshot_of(requested: JobRequested, *, template_version: str, inputs: JsonObject) -> RequestSnapshot:
    """The snapshot that shows these inputs; raises ``ValueError`` for a request whose inputs JSON cannot carry."""
    return _request_snapshot(
        project_id=requested.project_id,
        template_key=requested.template_key,
        template_version=template_version,
        inputs=inputs,
        inputs_digest=digest(requested.inputs),
        trace_id=requested.trace_id,
        dry_run=requested.dry_run,
        requested_by=requested.requested_by,
        replay_of=requested.replay_of,
        max_attempts=requested.attempts,
        requested_at=requested.requested_at,
    )
