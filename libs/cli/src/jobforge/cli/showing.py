"""How runs, events, artifacts and templates look in a terminal."""

from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from jobforge.client import TemplateInfo, TraceStory, TriggerInfo
from jobforge.client.report_layout import duration, size
from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.jobs import Job
from jobforge.contracts.manifest import Artifact

_COLORS = {"succeeded": "green", "failed": "red", "canceled": "yellow", "running": "cyan", "retrying": "yellow"}


def status(job: Job) -> Text:
    """A run's status in its colour."""
    return Text(job.status, style=_COLORS.get(job.status, "dim"))


def moment(value: datetime | None) -> str:
    """A point in time, UTC, to the second."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if value else ""


def took(job: Job) -> str:
    """How long a run ran."""
    if job.started_at is None or job.finished_at is None:
        return ""
    return duration((job.finished_at - job.started_at).total_seconds())


def table(*columns: str) -> Table:
    """A plain table with headings; values fold rather than vanish."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def runs(jobs: Iterable[Job]) -> Table:
    """Runs, a line each."""
    made = table("Run", "Template", "Status", "Created (UTC)", "Ran", "Trace")
    for job in jobs:
        made.add_row(
            str(job.id), job.template_key or "?", status(job), moment(job.created_at), took(job), job.trace_id or ""
        )
    return made


def run(job: Job) -> Table:
    """One run, a field a line."""
    made = Table.grid(padding=(0, 2))
    rows: list[tuple[str, RenderableType]] = [
        ("Run", str(job.id)),
        ("Template", f"{job.template_key or '?'} version {job.template_version or '?'}"),
        ("Status", status(job)),
        ("Tenant", job.tenant_id + (f" / {job.project_id}" if job.project_id else "")),
        ("Attempt", f"{job.attempt} of {job.max_attempts}"),
        ("Progress", f"{job.progress.fraction:.0%} {job.progress.message or ''}" if job.progress else ""),
        ("Created", moment(job.created_at)),
        ("Ran", took(job)),
        ("Trace", job.trace_id or ""),
        ("Error", Text(f"{job.error.code}: {job.error.message}", style="red") if job.error else ""),
        ("Cancel", "asked for" if job.cancel_requested and not job.is_terminal else ""),
    ]
    for name, value in rows:
        if str(value):
            made.add_row(Text(name, style="bold"), Text(value) if isinstance(value, str) else value)
    return made


def events(found: Iterable[EventEnvelope]) -> Table:
    """Events, a line each."""
    made = table("Received (UTC)", "Event", "App", "Subject", "Trace", "Id")
    for event in found:
        subject = f"{event.subject.type} {event.subject.id}" if event.subject else ""
        made.add_row(
            moment(event.received_at),
            event.event_type,
            event.source_app,
            Text(subject),
            event.trace_id,
            str(event.event_id),
        )
    return made


def artifacts(found: Iterable[Artifact]) -> Table:
    """Artifacts, a line each."""
    made = table("Name", "Media type", "Size", "SHA-256")
    for artifact in found:
        made.add_row(Text(artifact.name), artifact.media_type, size(artifact.size), artifact.sha256)
    return made


def templates(found: Iterable[TemplateInfo]) -> Table:
    """Templates, a line each."""
    made = table("Template", "Version", "State", "Timeout", "What it does")
    for template in found:
        state = Text("on", style="green") if template.enabled else Text("off", style="dim")
        about = template.description.strip().partition("\n")[0]
        made.add_row(template.template_key, template.version, state, duration(template.timeout_seconds), Text(about))
    return made


def triggers(found: Iterable[TriggerInfo]) -> Table:
    """Triggers and schedules, a line each."""
    made = table("Trigger", "State", "When", "Template", "Last tick (UTC)")
    for trigger in found:
        state = Text("on", style="green") if trigger.enabled else Text("off", style="dim")
        when = trigger.event_type or f"{trigger.cron} {trigger.time_zone}"
        made.add_row(trigger.name, state, Text(when), trigger.template_key, moment(trigger.last_tick))
    return made


def story(trace: TraceStory) -> Group:
    """A trace's events and runs in order, and where its spans are."""
    made = table("At (UTC)", "What", "Which", "State")
    for entry in trace.entries:
        if entry.event is not None:
            made.add_row(moment(entry.at), "event", entry.event.event_type, "")
        if entry.run is not None:
            made.add_row(moment(entry.at), "run", f"{entry.run.template_key} {entry.run.id}", status(entry.run))
    lines: list[RenderableType] = [made]
    if trace.url:
        lines.append(Text.assemble("\nSpans: ", (trace.url, f"link {trace.url}")))
    return Group(*lines)
