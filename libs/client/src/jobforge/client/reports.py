"""Reports of runs: a manifest as Markdown, HTML or JSON."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from jobforge.client.report_content import compose
from jobforge.client.report_html import to_html
from jobforge.client.report_markdown import to_markdown
from jobforge.contracts.manifest import RunManifest

ReportFormat = Literal["markdown", "html", "json"]
MEDIA_TYPES: dict[str, str] = {
    "markdown": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
}


def generate_manifest_report(
    manifest: RunManifest | Mapping[str, Any],
    *,
    include_inputs: bool = True,
    include_metrics: bool = True,
    include_env: bool = True,
    format: ReportFormat = "markdown",  # noqa: A002 - the name that users write
    artifact_bytes: Mapping[str, bytes] | None = None,
) -> str:
    """A report of one run, from its manifest alone.

    ``html`` is one page that loads nothing from anywhere and prints well; ``artifact_bytes`` (contents by artifact
    name) give it pictures and previews. ``json`` is the manifest without what the ``include_*`` leave out; its digest
    stays that of the whole manifest. Raises ``ValueError`` for any other format and for what is not a manifest.
    """
    if format not in MEDIA_TYPES:
        raise ValueError(f"format must be one of {', '.join(MEDIA_TYPES)}, not {format!r}")
    run = manifest if isinstance(manifest, RunManifest) else RunManifest.model_validate(manifest)
    if format == "json":
        return _to_json(run, inputs=include_inputs, metrics=include_metrics, env=include_env)
    report = compose(
        run, inputs=include_inputs, metrics=include_metrics, env=include_env, artifact_bytes=artifact_bytes or {}
    )
    return to_html(report) if format == "html" else to_markdown(report)


def _to_json(manifest: RunManifest, *, inputs: bool, metrics: bool, env: bool) -> str:
    left_out = {
        *(() if inputs else ("inputs",)),
        *(() if metrics else ("metrics",)),
        *(() if env else ("environment", "tool_versions")),
    }
    return json.dumps(manifest.model_dump(mode="json", exclude=left_out), indent=2, ensure_ascii=False) + "\n"
