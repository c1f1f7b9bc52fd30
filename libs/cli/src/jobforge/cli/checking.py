"""The command that holds a plane's history against its promises."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from jobforge.cli import showing
from jobforge.cli.failures import JOB_FAILED, UNREACHABLE, Stop
from jobforge.cli.operating import kafka_bootstrap, operating
from jobforge.cli.setting import CALL_TIMEOUT, AsJson, aside, out, print_json
from jobforge.client import AsyncJobForgeClient, JobForgeError, JobForgeUnavailable
from jobforge.contracts.base import JsonObject
from jobforge.ledger.artifact_bytes import ArtifactBytes
from jobforge.ledger.checker import Progress, Scope, check
from jobforge.ledger.evidence import Evidence, LogUnreadable
from jobforge.ledger.findings import INVARIANTS, Report
from jobforge.ledger.kafka_history import connected

SHOWN = 20
"""Findings of one invariant that are shown; all are counted."""
_NEEDS = {"I2": "needs --client-log", "I3": "needs --effects-log"}


def ledger(
    tenant: Annotated[str | None, typer.Option(help="Judge only this tenant's runs.")] = None,
    settled: Annotated[
        bool, typer.Option("--settled", help="Nothing may be in flight any more: a run without an end is a finding.")
    ] = False,
    client_log: Annotated[Path | None, typer.Option(help="What clients did and saw, a JSON object a line.")] = None,
    effects_log: Annotated[Path | None, typer.Option(help="What reached a far side, a JSON object a line.")] = None,
    artifacts: Annotated[
        str | None, typer.Option(metavar="URL", help="file:///directory or s3://bucket: read artifacts' bytes too.")
    ] = None,
    query_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The manifest door: ask it for every manifest too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the whole log and check that every accepted run ends in exactly one manifest; exit code 1 if not."""
    evidence = Evidence()
    try:
        evidence.load(client_log=client_log, effects_log=effects_log)
        with operating():
            report = asyncio.run(_look(evidence, Scope(settled, tenant), artifacts, query_url))
    except (LogUnreadable, ValueError) as error:
        raise Stop(str(error)) from error
    finally:
        evidence.close()
    if as_json:
        print_json(report.as_json())
    else:
        out().print(shown(report))
    if not report.clean:
        raise typer.Exit(JOB_FAILED)


async def _look(evidence: Evidence, scope: Scope, artifacts: str | None, query_url: str | None) -> Report:
    store = ArtifactBytes(artifacts) if artifacts else None
    async with connected(kafka_bootstrap()) as history:
        with _bar() as bar:
            if query_url is None:
                return await check(history, evidence, scope=scope, artifacts=store, told=bar)
            async with AsyncJobForgeClient(query_url=query_url, timeout=CALL_TIMEOUT) as client:
                return await check(history, evidence, scope=scope, artifacts=store, view=_Doors(client), told=bar)


class _Bar:
    """Shows how many records are read."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("reading the log", total=None)

    def __call__(self, progress: Progress) -> None:
        self._bars.update(self._task, completed=progress.read, total=progress.of)


@contextmanager
def _bar() -> Iterator[_Bar]:
    console = aside()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        yield _Bar(bars)


class _Doors:
    """The view, as the checker asks it."""

    def __init__(self, client: AsyncJobForgeClient) -> None:
        self._client = client

    async def manifest(self, tenant: str, run: str) -> JsonObject | str:
        """See ``View.manifest``."""
        try:
            found = await self._client.get_run_manifest(run_id=run, tenant_id=tenant)
        except JobForgeUnavailable as error:
            if error.status is None:
                raise Stop(error.message, code=UNREACHABLE) from error
            return f"the view answers no manifest: {error.status} {error.code}"
        except JobForgeError as error:
            return f"the view answers no manifest: {error.status} {error.code}"
        return found.model_dump(mode="json") if found is not None else "the view answers 404 for its manifest"


def shown(report: Report) -> RenderableType:
    """The report for a terminal: one line an invariant, then whose promises are broken."""
    table = showing.table("", "Promise", "Looked at", "Found")
    for name, promise in INVARIANTS.items():
        looked = report.looked.get(name)
        said = Text(f"{looked:,}") if looked else Text(_NEEDS.get(name, "nothing there"), style="dim")
        found = report.found[name]
        table.add_row(name, promise, said, Text(f"{found:,}", style="bold red" if found else "green"))
    lines: list[RenderableType] = [table, ""]
    for name in sorted(report.found, key=list(INVARIANTS).index):
        lines.append(Text(f"{name}  {INVARIANTS[name]}", style="bold red"))
        for finding in report.of(name)[:SHOWN]:
            whose = " ".join(filter(None, (finding.tenant, finding.run)))
            lines.append(
                Text(f"  {whose}: {finding.what}" + (f"  [{', '.join(finding.at[:4])}]" if finding.at else ""))
            )
        if report.found[name] > SHOWN:
            lines.append(Text(f"  and {report.found[name] - SHOWN:,} more", style="dim"))
        lines.append("")
    counts = showing.table("Tenant", "Accepted", "Ended", "In flight")
    for tenant, tally in sorted(report.tenants.items())[:SHOWN]:
        counts.add_row(Text(tenant), f"{tally.accepted:,}", f"{tally.ended:,}", f"{tally.in_flight:,}")
    lines += [counts, *(Text(note, style="dim") for note in _remarks(report))]
    lines.append(Text("No promise is broken.", style="green") if report.clean else Text("", end=""))
    return Group(*lines)


def _remarks(report: Report) -> Iterator[str]:
    yield f"{report.records:,} records read; {report.repeated_ends:,} repeated ends, which nobody sees"
    if len(report.tenants) > SHOWN:
        yield f"{len(report.tenants) - SHOWN:,} more tenants"
    if report.too_old:
        yield f"{report.too_old:,} runs are older than the log and not judged"
    yield from report.notes
