"""Commands that read: runs, get, manifest, report, artifacts, events and trace."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from jobforge.cli import showing
from jobforge.cli.failures import Stop
from jobforge.cli.setting import AsJson, RunId, Tenant, aside, out, plane, print_json
from jobforge.client import JobForgeClient
from jobforge.contracts.manifest import RunManifest

Limit = Annotated[int, typer.Option(min=1, max=200, help="How many at most.")]


def runs(
    tenant: Tenant,
    status: Annotated[str | None, typer.Option(help="queued, running, retrying, succeeded, failed, canceled.")] = None,
    template: Annotated[str | None, typer.Option(help="Only runs of this template.")] = None,
    project: Annotated[str | None, typer.Option(help="Only runs of this project.")] = None,
    trace: Annotated[str | None, typer.Option(help="Only runs of this trace.")] = None,
    limit: Limit = 20,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    with plane() as client:
        page = client.list_runs(
            tenant_id=tenant,
            status=status,
            template_key=template,
            project_id=project,
            trace_id=trace,
            limit=limit,
            cursor=cursor,
        )
    if as_json:
        print_json(page)
        return
    out().print(showing.runs(page)) if page.runs else aside().print(f"tenant {tenant} has no such runs")
    _more(page.next_cursor)


def get(run: RunId, tenant: Tenant, as_json: AsJson = False) -> None:
    """Show a run."""
    with plane() as client:
        job = client.get_job(run, tenant)
    if job is None:
        raise _unknown(run, tenant)
    print_json(job) if as_json else out().print(showing.run(job))


def manifest(run: RunId, tenant: Tenant, as_json: AsJson = False) -> None:
    """Print a run's manifest (always JSON)."""
    with plane() as client:
        print_json(known_manifest(client, run, tenant))


def report(
    run: RunId,
    tenant: Tenant,
    html: Annotated[bool, typer.Option("--html", help="As one HTML page, with pictures.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it into this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print a run's report: Markdown, or HTML, or JSON."""
    if html and as_json:
        raise Stop("--html and --json exclude each other")
    with plane() as client:
        text = client.get_report(run, tenant, format="html" if html else "json" if as_json else "markdown")
    if output is None:
        typer.echo(text)
        return
    output.write_text(text, "utf-8")
    aside().print(f"wrote {output}")


def artifacts(
    run: RunId,
    tenant: Tenant,
    save: Annotated[Path | None, typer.Option("--save", help="Save them into this folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """List a run's artifacts, and save them."""
    with plane() as client:
        found = known_manifest(client, run, tenant)
        if save is not None:
            for path in save_artifacts(client, found, save):
                aside().print(f"wrote {path}")
    if as_json:
        print_json([artifact.model_dump(mode="json") for artifact in found.artifacts])
    elif found.artifacts:
        out().print(showing.artifacts(found.artifacts))
    else:
        aside().print(f"run {run} has no artifacts ({found.status})")


def events(
    tenant: Tenant,
    event_type: Annotated[str | None, typer.Option("--type", help="Only events of this type.")] = None,
    app: Annotated[str | None, typer.Option(help="Only events of this app.")] = None,
    trace: Annotated[str | None, typer.Option(help="Only events of this trace.")] = None,
    limit: Limit = 20,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """List accepted events, newest first."""
    with plane() as client:
        page = client.list_events(
            tenant_id=tenant, event_type=event_type, source_app=app, trace_id=trace, limit=limit, cursor=cursor
        )
    if as_json:
        print_json(page)
        return
    out().print(showing.events(page)) if page.events else aside().print(f"tenant {tenant} has no such events")
    _more(page.next_cursor)


def trace(
    trace_id: Annotated[str, typer.Argument(metavar="TRACE_ID", help="The trace's id.")],
    tenant: Tenant,
    as_json: AsJson = False,
) -> None:
    """Show everything that shares a trace."""
    with plane() as client:
        found = client.get_trace(trace_id, tenant)
    print_json(found) if as_json else out().print(showing.story(found))


def known_manifest(client: JobForgeClient, run: str, tenant: str) -> RunManifest:
    """The manifest of a run; raises ``Stop`` without such a run."""
    found = client.get_run_manifest(run_id=run, tenant_id=tenant)
    if found is None:
        raise _unknown(run, tenant)
    return found


def save_artifacts(client: JobForgeClient, of: RunManifest, folder: Path) -> list[Path]:
    """Saves a run's artifacts into a folder; raises ``Stop`` for a name that would leave it."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    for artifact in of.artifacts:
        saved.append(client.save_artifact(of.run_id, artifact.name, inside(folder, artifact.name), of.tenant_id))
    return saved


def inside(folder: Path, name: str) -> Path:
    """The path of a file in a folder; raises ``Stop`` for a name that is more than a name."""
    if Path(name).name != name or "\\" in name:
        raise Stop(f"the artifact name {name!r} is not a file name")
    return folder / name


def _unknown(run: str, tenant: str) -> Stop:
    return Stop(f"tenant {tenant} has no run {run}", remedy="Check --tenant; jobforge runs lists the runs of a tenant.")


def _more(cursor: str | None) -> None:
    if cursor:
        aside().print(Text(f"more: --cursor {cursor}", style="dim"))
