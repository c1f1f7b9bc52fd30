"""What a report of a run says, before it becomes Markdown or HTML."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobforge.client.report_layout import Fields, Node, Text, duration, label, lay_out, scalar, size
from jobforge.contracts.manifest import Artifact, RunManifest

THUMBNAIL_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/avif", "image/gif"})
THUMBNAILS_LIMIT = 12 * 1024 * 1024
"""Bytes of images that one report carries; what comes after is listed without a picture."""
PREVIEW_TYPES = frozenset({"text/plain", "text/markdown"})
PREVIEW_LIMIT = 16 * 1024
"""Bytes of a text that a report shows whole; a longer one is only listed."""
_VERDICTS = {"complete": "Succeeded", "failed": "Failed", "pending": "Unfinished"}


@dataclass(frozen=True, slots=True)
class ArtifactEntry:
    """An artifact as the report shows it; ``image`` is a data URI, ``preview`` a short text."""

    name: str
    media_type: str
    size: str
    sha256: str
    url: str | None
    image: str | None = None
    preview: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a report shows, in its order; an empty section is left out."""

    title: str
    app: str
    status: str
    verdict: str
    summary: str
    tiles: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, Text], ...]
    error: tuple[tuple[str, Node], ...]
    outputs: Node | None
    artifacts: tuple[ArtifactEntry, ...]
    inputs: Node | None
    objects_read: Node | None
    timings: Node
    attempts: Node | None
    metrics: Node | None
    environment: Node | None
    trace_id: str | None
    otel_trace_id: str | None
    trace_url: str | None
    digest: str | None


def compose(
    manifest: RunManifest, *, inputs: bool, metrics: bool, env: bool, artifact_bytes: Mapping[str, bytes]
) -> Report:
    """The report of a manifest. ``artifact_bytes`` are artifacts' contents by name, for pictures and previews."""
    data = manifest.model_dump(mode="json")
    environment = {**(data["environment"] or {}), **data["tool_versions"]} if env else {}
    return Report(
        title=_title(manifest),
        app=label((manifest.template_key or "").partition(".")[0]),
        status="canceled" if _canceled(manifest) else manifest.status,
        verdict="Canceled" if _canceled(manifest) else _VERDICTS[manifest.status],
        summary=_summary(manifest),
        tiles=_tiles(manifest),
        facts=_facts(manifest),
        error=_error(data["error"]),
        outputs=_section(data["outputs"]),
        artifacts=_artifacts(manifest, artifact_bytes),
        inputs=_section(data["inputs"]) if inputs else None,
        objects_read=_section(data["objects_read"]),
        timings=lay_out(data["timings"]),
        attempts=_section([_attempt(each) for each in data["attempts"]]),
        metrics=_section(data["metrics"]) if metrics else None,
        environment=_section(environment),
        trace_id=manifest.trace.trace_id,
        otel_trace_id=manifest.trace.otel_trace_id,
        trace_url=_safe_url(manifest.trace.url),
        digest=manifest.digest,
    )


def _title(manifest: RunManifest) -> str:
    return label((manifest.template_key or "unknown run").partition(".")[2].replace(".", " ") or "unknown run")


def _canceled(manifest: RunManifest) -> bool:
    return manifest.error is not None and manifest.error.code == "job.canceled"


def _section(value: Any) -> Node | None:
    return lay_out(value) if value else None


def _summary(manifest: RunManifest) -> str:
    what = f"{manifest.template_key or 'This run'} (version {manifest.template_version or 'unknown'})"
    if manifest.status == "pending":
        return f"{what} has not finished yet; this report shows what is known so far."
    tries = len(manifest.attempts)
    attempt = "on its first attempt" if tries <= 1 else f"after {tries} attempts"
    took = f" in {duration(manifest.timings.ran_for)}" if manifest.timings.ran_for is not None else ""
    if _canceled(manifest):
        return f"{what} was canceled."
    if manifest.status == "failed":
        reason = f": {manifest.error.message}" if manifest.error else "."
        return f"{what} failed {attempt}{took}{reason}"
    read, wrote = len(manifest.objects_read), len(manifest.artifacts)
    return (
        f"{what} succeeded {attempt}{took}. "
        f"It read {_count(read, 'uploaded object')} and wrote {_count(wrote, 'artifact')}."
    )


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _tiles(manifest: RunManifest) -> tuple[tuple[str, str], ...]:
    written = sum(artifact.size for artifact in manifest.artifacts)
    return (
        ("Waited", duration(manifest.timings.queued_for)),
        ("Ran for", duration(manifest.timings.ran_for)),
        ("Attempts", str(len(manifest.attempts))),
        ("Artifacts", f"{len(manifest.artifacts)}" + (f" · {size(written)}" if written else "")),
    )


def _facts(manifest: RunManifest) -> tuple[tuple[str, Text], ...]:
    by = manifest.requested_by
    facts: list[tuple[str, Text]] = [
        ("Run", Text(str(manifest.run_id), "code")),
        ("Template", Text(f"{manifest.template_key or '?'} · version {manifest.template_version or '?'}")),
        ("Tenant", Text(manifest.tenant_id)),
        ("Project", scalar(manifest.project_id)),
        ("Requested by", scalar(" via ".join(name for name in (by.actor_id, by.source_app) if name))),
        ("Requested", _instant(manifest.timings.requested_at)),
        ("Finished", _instant(manifest.timings.finished_at)),
    ]
    if manifest.dry_run:
        facts.append(("Dry run", Text("yes: nothing outside was changed", "good")))
    if manifest.replay_of:
        facts.append(("Replay of", Text(str(manifest.replay_of), "code")))
    return tuple(facts)


def _instant(value: datetime | None) -> Text:
    return scalar(value.strftime("%Y-%m-%dT%H:%M:%SZ") if value else None)


def _error(error: Mapping[str, Any] | None) -> tuple[tuple[str, Node], ...]:
    if error is None:
        return ()
    laid_out = lay_out({name: value for name, value in error.items() if value is not None})
    return laid_out.fields if isinstance(laid_out, Fields) else (("Error", laid_out),)


def _attempt(attempt: Mapping[str, Any]) -> dict[str, Any]:
    error = attempt["error"]
    return {**attempt, "error": f"{error['code']}: {error['message']}" if error else None}


def _artifacts(manifest: RunManifest, contents: Mapping[str, bytes]) -> tuple[ArtifactEntry, ...]:
    left = THUMBNAILS_LIMIT
    entries = []
    for artifact in manifest.artifacts:
        content = contents.get(artifact.name)
        picture = content is not None and artifact.media_type in THUMBNAIL_TYPES and len(content) <= left
        left -= len(content) if picture and content else 0
        entries.append(_artifact(artifact, content, picture=picture))
    return tuple(entries)


def _artifact(artifact: Artifact, content: bytes | None, *, picture: bool) -> ArtifactEntry:
    image = preview = None
    if content is not None and picture:
        image = f"data:{artifact.media_type};base64,{base64.b64encode(content).decode()}"
    elif content is not None and len(content) <= PREVIEW_LIMIT:
        is_text = artifact.media_type.partition(";")[0] in PREVIEW_TYPES
        preview = content.decode("utf-8", errors="replace") if is_text else None
    return ArtifactEntry(
        name=artifact.name,
        media_type=artifact.media_type,
        size=size(artifact.size),
        sha256=artifact.sha256,
        url=_safe_url(artifact.url),
        image=image,
        preview=preview,
    )


def _safe_url(url: str | None) -> str | None:
    """The address if a click on it can only fetch, else None: never ``javascript:`` and the like."""
    return url if url and (url.startswith(("http://", "https://")) or (url[0] == "/" and url[:2] != "//")) else None
