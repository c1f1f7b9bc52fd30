"""Commands about the catalog: templates and flags, and their switches."""

from typing import Annotated

import typer
from rich.text import Text

from jobforge.cli import showing
from jobforge.cli.failures import Stop, told
from jobforge.cli.setting import AnyTenant, AsJson, out, plane, print_json

templates = typer.Typer(help="List templates; enable or disable one (development profile).")
flags = typer.Typer(help="List feature flags; set one (development profile).")

Key = Annotated[str, typer.Argument(metavar="TEMPLATE", help="The template's key.")]
_ON, _OFF = frozenset({"on", "true", "1", "yes"}), frozenset({"off", "false", "0", "no"})


@templates.callback(invoke_without_command=True)
@told
def list_templates(context: typer.Context, tenant: AnyTenant = "", as_json: AsJson = False) -> None:
    """List the templates that the plane runs."""
    if context.invoked_subcommand is not None:
        return
    with plane() as client:
        found = client.list_templates()
    if as_json:
        print_json([template.model_dump(mode="json") for template in found])
    else:
        out().print(showing.templates(found))


@templates.command("enable")
@told
def enable(template: Key, tenant: AnyTenant = "", as_json: AsJson = False) -> None:
    """Let a template be requested."""
    _switch_template(template, True, as_json)


@templates.command("disable")
@told
def disable(template: Key, tenant: AnyTenant = "", as_json: AsJson = False) -> None:
    """Refuse requests of a template."""
    _switch_template(template, False, as_json)


def _switch_template(template: str, enabled: bool, as_json: bool) -> None:
    with plane() as client:
        client.set_template(template, enabled)
    told_switch(template, enabled, as_json)


@flags.callback(invoke_without_command=True)
@told
def list_flags(context: typer.Context, tenant: AnyTenant = "", as_json: AsJson = False) -> None:
    """List the feature flags."""
    if context.invoked_subcommand is not None:
        return
    with plane() as client:
        found = client.get_flags()
    if as_json:
        print_json({"flags": found})
        return
    table = showing.table("Flag", "State")
    for name, enabled in found.items():
        table.add_row(name, Text("on", style="green") if enabled else Text("off", style="dim"))
    out().print(table)


@flags.command("set")
@told
def set_flag(
    name: Annotated[str, typer.Argument(help="The flag's name, such as JOBFORGE_EVENTS_ENABLED.")],
    value: Annotated[str, typer.Argument(help="on or off.")],
    tenant: AnyTenant = "",
    as_json: AsJson = False,
) -> None:
    """Switch a feature flag."""
    if value.lower() not in _ON | _OFF:
        raise Stop(f"a flag is on or off, not {value!r}")
    enabled = value.lower() in _ON
    with plane() as client:
        client.set_flag(name, enabled)
    told_switch(name, enabled, as_json)


def told_switch(name: str, enabled: bool, as_json: bool) -> None:
    """Says what was switched."""
    if as_json:
        print_json({"name": name, "enabled": enabled})
    else:
        out().print(f"{name} is {'on' if enabled else 'off'}")
