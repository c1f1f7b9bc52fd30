"""Where things stand in the artifact store; an id that is not one never becomes part of a path."""

import re
from uuid import UUID

from jobforge.contracts.base import ID_PATTERN

_ID = re.compile(ID_PATTERN)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
"""An artifact's name: an id with room for what a template appends, such as ``<asset_id>-1920.webp``."""
ARTIFACTS = "artifacts"
"""What attempts wrote; beside it are ``objects`` and ``manifests``."""
_LOCATION = re.compile(ARTIFACTS + r"(?:/[A-Za-z0-9][A-Za-z0-9_.-]{0,199}){4}")


def object_path(tenant_id: str, kind: str, object_id: str) -> str:
    """The pointer document of an uploaded object."""
    return f"objects/{_id(tenant_id)}/{_id(kind)}/{_id(object_id)}/current.json"


def blob_path(pointer_path: str, blob: str) -> str:
    """The bytes that a pointer document names; they stand beside it."""
    return f"{pointer_path.rpartition('/')[0]}/{_id(blob)}"


def artifact_path(tenant_id: str, run_id: str, attempt: int, claim: str, name: str) -> str:
    """A file that one claim of one attempt wrote."""
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"not a name for an artifact: {name!r:.100}")
    return f"{ARTIFACTS}/{_id(tenant_id)}/{_id(run_id)}/{int(attempt)}-{_id(claim)}/{name}"


def manifest_path(tenant_id: str, run_id: str) -> str:
    """An archived manifest."""
    return f"manifests/{_id(tenant_id)}/{_id(run_id)}.json"


def parse_location(location: str) -> str:
    """The location of an artifact, unchanged; raises ``ValueError`` for anything that ``artifact_path`` never makes."""
    if _LOCATION.fullmatch(location) is None:
        raise ValueError(f"not an artifact's location: {location!r:.100}")
    return location


def parse_artifact(path: str) -> tuple[str, UUID] | None:
    """Tenant and run of an artifact, or None for a path that ``artifact_path`` never makes."""
    if _LOCATION.fullmatch(path) is None:
        return None
    _, tenant_id, run_id, _, _ = path.split("/")
    try:
        return tenant_id, UUID(run_id)
    except ValueError:
        return None


def _id(text: str) -> str:
    # fullmatch, since "$" would let a trailing newline pass.
    if _ID.fullmatch(text) is None:
        raise ValueError(f"not an id: {text!r:.100}")
    return text
