"""The command that says what a newcomer lacks and how to get it."""

from collections.abc import Iterable, Sequence

import typer
from rich.text import Text

from jobforge.cli import showing
from jobforge.cli.failures import JOB_FAILED
from jobforge.cli.machine_checks import Check, check_docker, check_machine, check_native
from jobforge.cli.plane_checks import check_plane, check_ports
from jobforge.cli.setting import AnyTenant, AsJson, out, print_json

_MARKS = {"ok": ("ok", "green"), "missing": ("missing", "red"), "note": ("note", "yellow")}
_TITLES = {
    "machine": "This machine",
    "docker": "Running in containers",
    "native": "Running natively",
    "ports": "Ports",
    "plane": "A plane that answers",
}


def doctor(
    tenant: AnyTenant = "",
    as_json: AsJson = False,
) -> None:
    """Check what this machine needs to run a plane, and whether one answers."""
    plane = list(check_plane())
    running = any(check.name == "ingestion door" and check.state == "ok" for check in plane)
    checks = [*check_machine(), *check_docker(), *check_native(), *check_ports(running=running), *plane]
    ways = possible_ways(checks)
    if as_json:
        print_json({"ways": list(ways), "checks": [check.as_dict() for check in checks]})
    else:
        _show(checks, ways)
    if not ways:
        raise typer.Exit(JOB_FAILED)


def possible_ways(checks: Iterable[Check]) -> tuple[str, ...]:
    """How a plane can be run here: each of ``docker`` and ``native`` of which nothing is missing."""
    broken = {check.group for check in checks if check.state == "missing"}
    if broken & {"machine", "ports"}:
        return ()
    return tuple(way for way in ("docker", "native") if way not in broken)


def _show(checks: Sequence[Check], ways: Sequence[str]) -> None:
    console = out()
    for group, title in _TITLES.items():
        table = showing.table("", "", "", "")
        table.show_header = False
        for check in (check for check in checks if check.group == group):
            word, color = _MARKS[check.state]
            table.add_row(Text(f"  {word}", style=color), check.name, Text(check.found), Text(check.remedy, "dim"))
        console.print(Text(title, style="bold"))
        console.print(table)
    console.print()
    if ways:
        commands = " or ".join(f"[bold]make demo MODE={way}[/]" for way in ways)
        console.print(f"[green]A plane can be run here:[/] {commands}")
    else:
        console.print("[red]A plane cannot be run here yet:[/] get what is missing of one way above")
