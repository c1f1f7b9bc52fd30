"""The demonstration: two apps' files go from event to job to manifest, report and trace."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from jobforge.cli import showing, spans
from jobforge.cli.demo_story import CHAPTERS, Chapter
from jobforge.cli.failures import JOB_FAILED, Stop
from jobforge.cli.following import Follower
from jobforge.cli.reading import inside
from jobforge.cli.setting import CALL_TIMEOUT, AsJson, aside, check_reachable, out, print_json
from jobforge.client import AsyncJobForgeClient, generate_manifest_report, generate_trace_id
from jobforge.client.report_layout import size
from jobforge.contracts.jobs import Job
from jobforge.contracts.manifest import RunManifest

TRACE_PATIENCE = 20.0
"""Seconds to wait for a trace's last spans: exporters send them a moment after the work."""


@dataclass(frozen=True, slots=True)
class Played:
    """A chapter that was played to its end."""

    chapter: Chapter
    job: Job
    manifest: RunManifest
    folder: Path


def demo(
    tenant: Annotated[str, typer.Option("--tenant", envvar="JOBFORGE_TENANT", help="Whose data this is.")] = "demo",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to write; else demo-output/<moment>.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a real contract and a real photograph through a running plane."""
    folder = output or Path("demo-output") / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    played = asyncio.run(_play(tenant, folder))
    traces = [_save_trace(each) for each in played]
    if as_json:
        print_json([_as_json(each, trace) for each, trace in zip(played, traces, strict=True)])
    else:
        _show(played, traces, folder)
    if any(each.job.status != "succeeded" for each in played):
        raise typer.Exit(JOB_FAILED)


async def _play(tenant: str, folder: Path) -> list[Played]:
    async with AsyncJobForgeClient(timeout=CALL_TIMEOUT) as client:
        check_reachable(client.options)
        jobs = [await _request(client, chapter, tenant) for chapter in CHAPTERS]
        with Follower() as follower:
            ended = await asyncio.gather(*(_follow(client, follower, job) for job in jobs))
        return [await _save(client, chapter, job, folder) for chapter, job in zip(CHAPTERS, ended, strict=True)]


async def _request(client: AsyncJobForgeClient, chapter: Chapter, tenant: str) -> Job:
    trace_id = generate_trace_id()
    content = chapter.content()
    aside().print(f"[bold]{chapter.app}[/] uploads {chapter.about}: {size(len(content))}")
    await client.put_object(chapter.kind, chapter.object_id, content, tenant_id=tenant, content_type=chapter.media_type)
    await client.submit_event(
        tenant_id=tenant,
        event_type=chapter.event_type,
        trace_id=trace_id,
        source_app=chapter.app,
        source_module="core",
        subject={"type": chapter.kind, "id": chapter.object_id},
        payload=chapter.payload,
        contains_pii=False,
    )
    aside().print(f"  states [cyan]{chapter.event_type}[/] and requests [cyan]{chapter.template_key}[/]")
    result = await client.request_job(
        tenant_id=tenant,
        template_key=chapter.template_key,
        inputs=chapter.inputs,
        trace_id=trace_id,
        actor_id=f"{chapter.app}-service",
        source_app=chapter.app,
    )
    return result.job


async def _follow(client: AsyncJobForgeClient, follower: Follower, job: Job) -> Job:
    async for state in client.watch(job.id, job.tenant_id):
        follower.show(state)
        job = state
    return job


async def _save(client: AsyncJobForgeClient, chapter: Chapter, job: Job, folder: Path) -> Played:
    manifest = await client.get_run_manifest(run_id=job.id, tenant_id=job.tenant_id)
    if manifest is None:
        raise Stop(f"run {job.id} ended as {job.status} and has no manifest")
    contents = {each.name: await client.get_artifact(job.id, each.name, job.tenant_id) for each in manifest.artifacts}
    own = folder / chapter.app
    artifacts = own / "artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        inside(artifacts, name).write_bytes(content)
    (own / "manifest.json").write_text(json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False))
    (own / "report.md").write_text(generate_manifest_report(manifest), "utf-8")
    page = generate_manifest_report(manifest, format="html", artifact_bytes=contents)
    (own / "report.html").write_text(page, "utf-8")
    return Played(chapter, job, manifest, own)


def _save_trace(played: Played) -> spans.Spans | None:
    services = frozenset({"ingestion", played.chapter.app, "manifest"})
    found = spans.fetch(played.manifest.trace.otel_trace_id or "", services=services, patience=TRACE_PATIENCE)
    if found is not None and found.count:
        (played.folder / "trace.json").write_text(json.dumps(found.document, indent=1))
    return found


def _show(played: list[Played], traces: list[spans.Spans | None], folder: Path) -> None:
    console = out()
    table = showing.table("Job", "Status", "Ran", "Artifacts", "Trace")
    for each, trace in zip(played, traces, strict=True):
        table.add_row(
            each.chapter.template_key,
            showing.status(each.job),
            showing.took(each.job),
            str(len(each.manifest.artifacts)),
            _told(trace),
        )
    console.print()
    console.print(table)
    for each in played:
        _show_one(console, each)
    if any(trace is None for trace in traces):
        console.print(f"\nTraces are kept nowhere: no Jaeger answers at {spans.jaeger_url()} (JOBFORGE_JAEGER_URL).")
    console.print(Text.assemble("\nEverything is in ", (str(folder.resolve()), "bold")), soft_wrap=True)


def _told(trace: spans.Spans | None) -> str:
    if trace is None:
        return "not kept"
    return f"{trace.count} spans of {len(trace.services)} services" if trace.count else "not there yet"


def _show_one(console: Console, played: Played) -> None:
    console.print(f"\n[bold]{played.chapter.app}[/]  run {played.job.id}  trace {played.job.trace_id}", soft_wrap=True)
    if played.job.error:
        console.print(Text(f"  failed  {played.job.error.code}: {played.job.error.message}", "red"), soft_wrap=True)
    for path in _files(played.folder):
        console.print(Text(f"  {path}"), soft_wrap=True)
    console.print(Text(f"  report  {(played.folder / 'report.html').resolve()}"), soft_wrap=True)
    if played.manifest.trace.url:
        console.print(
            Text(f"  trace   {played.manifest.trace.url} (while Jaeger runs; saved as trace.json)"), soft_wrap=True
        )


def _as_json(played: Played, trace: spans.Spans | None) -> dict[str, object]:
    return {
        "app": played.chapter.app,
        "run_id": str(played.job.id),
        "status": played.job.status,
        "trace_id": played.job.trace_id,
        "trace_url": played.manifest.trace.url,
        "spans": trace.count if trace else None,
        "folder": str(played.folder.resolve()),
        "files": _files(played.folder),
    }


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
