"""How an archived manifest comes back: as it was sealed, or not at all."""

from uuid import UUID

import orjson

from jobforge.contracts.manifest import RunManifest, content_digest
from jobforge.contracts.runs import RunRestored
from jobforge.contracts.topics import MAX_MESSAGE_BYTES

MAX_MANIFEST_BYTES = MAX_MESSAGE_BYTES - 16 * 1024
"""Of a manifest, with room for key, headers, and the record that restores it."""


class NotRestorable(ValueError):
    """A record says that a manifest is restored, and it is none, or another run's, or not what its digest says."""


def restored(tenant_id: str, run_id: UUID, archived: bytes) -> RunRestored:
    """The record that restores a run's archived manifest; raises ``ValueError`` for what is no manifest of this run."""
    record = RunRestored(run_id=run_id, tenant_id=tenant_id, manifest=orjson.loads(archived))
    unseal(record)
    return record


def unseal(record: RunRestored) -> tuple[RunManifest, bytes]:
    """The manifest that a record restores, and its JSON as it was archived; raises ``NotRestorable``."""
    manifest = record.manifest
    if manifest.get("run_id") != str(record.run_id) or manifest.get("tenant_id") != record.tenant_id:
        raise NotRestorable("the manifest is that of another run")
    try:
        found = content_digest(manifest)
        restored = RunManifest.model_validate(manifest)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NotRestorable("it is no manifest") from error
    if found != restored.digest:
        raise NotRestorable("the manifest's digest is not that of its content")
    value = orjson.dumps(manifest)
    if len(value) > MAX_MANIFEST_BYTES:
        raise NotRestorable(f"the manifest has {len(value)} bytes, and one in the log at most {MAX_MANIFEST_BYTES}")
    return restored, value
