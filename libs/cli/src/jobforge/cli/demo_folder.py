"""The folder that the demonstration leaves: manifest, reports, artifacts and trace of each step."""

import json
from dataclasses import dataclass
from pathlib import Path

from jobforge.cli import spans
from jobforge.cli.demo_story import Step
from jobforge.cli.failures import Stop
from jobforge.cli.reading import inside
from jobforge.client import AsyncJobForgeClient, generate_manifest_report
from jobforge.contracts.jobs import Job
from jobforge.contracts.manifest import RunManifest

ARTIFACTS = "artifacts"


@dataclass(frozen=True, slots=True)
class Played:
    """A step that was played to its end."""

    step: Step
    job: Job
    manifest: RunManifest
    folder: Path


async def save_work(client: AsyncJobForgeClient, step: Step, job: Job, folder: Path) -> Played:
    """Write what a step's job left into a folder of its own; raises ``Stop`` for a run without manifest."""
    manifest = await client.get_run_manifest(run_id=job.id, tenant_id=job.tenant_id)
    if manifest is None:
        raise Stop(f"run {job.id} ended as {job.status} and has no manifest")
    contents = {each.name: await client.get_artifact(job.id, each.name, job.tenant_id) for each in manifest.artifacts}
    own = folder / step.name
    artifacts = own / ARTIFACTS
    artifacts.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        inside(artifacts, name).write_bytes(content)
    (own / "manifest.json").write_text(json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False))
    (own / "report.md").write_text(generate_manifest_report(manifest), "utf-8")
    page = generate_manifest_report(manifest, format="html", artifact_bytes=contents)
    (own / "report.html").write_text(page, "utf-8")
    return Played(step, job, manifest, own)


def save_trace(played: Played, *, patience: float) -> spans.Spans | None:
    """Write the step's trace, once it is whole or ``patience`` seconds are over; None without Jaeger."""
    services = frozenset({"ingestion", played.step.domain, "manifest"})
    found = spans.fetch(played.manifest.trace.otel_trace_id or "", services=services, patience=patience)
    if found is not None and found.count:
        (played.folder / "trace.json").write_text(json.dumps(found.document, indent=1))
    return found


def files_of(folder: Path) -> list[str]:
    """Every file below a folder, by its path from there."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
