"""A finished run in a few lines, for somebody who waits for it."""

from typing import Any

from jobforge.contracts.base import JsonObject
from jobforge.contracts.manifest import RunManifest

_FIELDS = 20
_LONGEST = 200


def summarise(manifest: RunManifest) -> JsonObject:
    """What ran, how it ended, its short outputs and its files; the same manifest always gives the same summary."""
    outputs = {name: _short(value) for name, value in (manifest.outputs or {}).items() if _is_short(value)}
    return {
        "run_id": str(manifest.run_id),
        "template_key": manifest.template_key,
        "status": manifest.status,
        "error": {"code": manifest.error.code, "message": manifest.error.message} if manifest.error else None,
        "outputs": dict(list(outputs.items())[:_FIELDS]),
        "artifacts": [{"name": each.name, "size": each.size, "sha256": each.sha256} for each in manifest.artifacts],
    }


def as_text(summary: JsonObject) -> str:
    """The summary as lines of plain text."""
    lines = [f"{summary['template_key']}: {summary['status']}", f"Run: {summary['run_id']}"]
    if summary["error"]:
        lines.append(f"Error: {summary['error']['code']}: {summary['error']['message']}")
    if summary["outputs"]:
        lines += ["", "Outputs:", *(f"  {name}: {value}" for name, value in summary["outputs"].items())]
    if summary["artifacts"]:
        lines += ["", "Files:", *(f"  {each['name']} ({each['size']} bytes)" for each in summary["artifacts"])]
    return "\n".join(lines)


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _short(value: Any) -> Any:
    return f"{value[:_LONGEST]} ..." if isinstance(value, str) and len(value) > _LONGEST else value
