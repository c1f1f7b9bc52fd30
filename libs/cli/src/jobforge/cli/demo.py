"""The demonstration: the guide's apps go from event to job to manifest, report and trace."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from jobforge.cli import showing, spans
from jobforge.cli.demo_folder import Played, files_of, save_trace, save_work
from jobforge.cli.demo_page import write_index
from jobforge.cli.demo_story import Step, playable, story
from jobforge.cli.failures import JOB_FAILED
from jobforge.cli.following import Follower
from jobforge.cli.setting import CALL_TIMEOUT, AsJson, aside, check_reachable, out, print_json
from jobforge.client import AsyncJobForgeClient, generate_trace_id
from jobforge.client.report_layout import size
from jobforge.contracts.jobs import Job

TRACE_PATIENCE = 20.0
"""Seconds to wait for the last spans of all traces: exporters send them a moment after the work."""


def demo(
    tenant: Annotated[str, typer.Option("--tenant", envvar="JOBFORGE_TENANT", help="Whose data this is.")] = "demo",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to write; else demo-output/<moment>.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play the guide's apps on a running plane, and leave a folder with what came of it."""
    now = datetime.now(UTC)
    folder = output or Path("demo-output") / now.strftime("%Y-%m-%dT%H-%M-%S")
    steps = story(now)
    played = asyncio.run(_play(steps, tenant, folder))
    end = time.monotonic() + TRACE_PATIENCE
    traces = [save_trace(each, patience=max(0.0, end - time.monotonic())) for each in played]
    names = {each.step.name for each in played}
    index = write_index(folder, played, [step for step in steps if step.name not in names])
    if as_json:
        print_json([_as_json(each, trace) for each, trace in zip(played, traces, strict=True)])
    else:
        _show(played, traces, index)
    if any(each.job.status != "succeeded" for each in played):
        raise typer.Exit(JOB_FAILED)


async def _play(steps: tuple[Step, ...], tenant: str, folder: Path) -> list[Played]:
    async with AsyncJobForgeClient(timeout=CALL_TIMEOUT) as client:
        check_reachable(client.options)
        there = {template.template_key for template in await client.list_templates() if template.enabled}
        chosen = playable(steps, there)
        for step in steps:
            if step not in chosen:
                aside().print(f"[dim]{step.app}: {step.template_key} is left out: this plane does not offer it[/]")
        jobs = {step.name: await _request(client, step, tenant) for step in chosen if step.after is None}
        running: dict[str, asyncio.Task[Job]] = {}
        with Follower() as follower:
            for step in chosen:
                first = jobs.get(step.name) or running[str(step.after)]
                running[step.name] = asyncio.create_task(_follow(client, follower, step, first, tenant))
            ended = await asyncio.gather(*running.values())
        return [await save_work(client, step, job, folder) for step, job in zip(chosen, ended, strict=True)]


async def _request(client: AsyncJobForgeClient, step: Step, tenant: str) -> Job:
    trace_id = generate_trace_id()
    contents = [(upload, upload.content()) for upload in step.uploads]
    if step.about:
        told = f": {size(sum(len(content) for _, content in contents))}" if contents else ""
        aside().print(f"[bold]{step.app}[/] {'uploads' if contents else 'reports'} {step.about}{told}")
    for upload, content in contents:
        await client.put_object(
            upload.kind, upload.object_id, content, tenant_id=tenant, content_type=upload.media_type
        )
    for event in step.events:
        kind, subject_id = event.subject or ("", "")
        await client.submit_event(
            tenant_id=tenant,
            event_type=event.event_type,
            trace_id=trace_id,
            source_app=step.app,
            source_module=event.source_module,
            subject={"type": kind, "id": subject_id} if event.subject else None,
            payload=event.payload,
            contains_pii=False,
            occurred_at=event.occurred_at,
            event_id=event.event_id,
        )
    states = f"states [cyan]{step.events[0].event_type}[/] and " if step.events else ""
    aside().print(f"  {step.app} {states}requests [cyan]{step.template_key}[/]")
    result = await client.request_job(
        tenant_id=tenant,
        template_key=step.template_key,
        inputs=step.inputs,
        trace_id=trace_id,
        actor_id=f"{step.app}-service",
        source_app=step.app,
    )
    return result.job


async def _follow(
    client: AsyncJobForgeClient, follower: Follower, step: Step, first: Job | asyncio.Task[Job], tenant: str
) -> Job:
    """Follow the step's job to its end; a step that waits for another is requested when that one has ended."""
    if isinstance(first, asyncio.Task):
        await first
        job = await _request(client, step, tenant)
    else:
        job = first
    async for state in client.watch(job.id, job.tenant_id):
        follower.show(state)
        job = state
    return job


def _show(played: list[Played], traces: list[spans.Spans | None], index: Path) -> None:
    console = out()
    table = showing.table("Job", "Status", "Ran", "Artifacts", "Trace")
    for each, trace in zip(played, traces, strict=True):
        table.add_row(
            each.step.template_key,
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
    console.print(Text.assemble("\nEverything is in ", (str(index.parent.resolve()), "bold")), soft_wrap=True)
    console.print(Text.assemble("Begin with       ", (str(index.resolve()), "bold")), soft_wrap=True)


def _told(trace: spans.Spans | None) -> str:
    if trace is None:
        return "not kept"
    return f"{trace.count} spans of {len(trace.services)} services" if trace.count else "not there yet"


def _show_one(console: Console, played: Played) -> None:
    console.print(f"\n[bold]{played.step.name}[/]  run {played.job.id}  trace {played.job.trace_id}", soft_wrap=True)
    if played.job.error:
        console.print(Text(f"  failed  {played.job.error.code}: {played.job.error.message}", "red"), soft_wrap=True)
    for path in files_of(played.folder):
        console.print(Text(f"  {path}"), soft_wrap=True)
    console.print(Text(f"  report  {(played.folder / 'report.html').resolve()}"), soft_wrap=True)
    if played.manifest.trace.url:
        console.print(
            Text(f"  trace   {played.manifest.trace.url} (while Jaeger runs; saved as trace.json)"), soft_wrap=True
        )


def _as_json(played: Played, trace: spans.Spans | None) -> dict[str, object]:
    return {
        "step": played.step.name,
        "app": played.step.app,
        "run_id": str(played.job.id),
        "status": played.job.status,
        "trace_id": played.job.trace_id,
        "trace_url": played.manifest.trace.url,
        "spans": trace.count if trace else None,
        "folder": str(played.folder.resolve()),
        "files": files_of(played.folder),
    }
