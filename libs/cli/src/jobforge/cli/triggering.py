"""Commands about triggers and schedules: what is declared, their switches, and what one would make of past events."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import jmespath
import typer
import yaml
from pydantic import ValidationError
from rich.text import Text

from jobforge.cli import showing
from jobforge.cli.failures import Stop, told
from jobforge.cli.setting import AnyTenant, AsJson, Tenant, aside, out, plane, print_json
from jobforge.cli.switching import told_switch
from jobforge.client import JobForgeClient
from jobforge.contracts.base import JsonObject
from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.triggers import Trigger, Unmapped, job_for, wants

triggers = typer.Typer(help="List triggers and schedules; switch one, or try one against past events.")

Name = Annotated[str, typer.Argument(metavar="TRIGGER", help="The trigger's name.")]
PAGE = 100
"""Events that are asked for at once."""


@triggers.callback(invoke_without_command=True)
@told
def list_triggers(context: typer.Context, tenant: AnyTenant = "", as_json: AsJson = False) -> None:
    """List what happens after events and at certain times."""
    if context.invoked_subcommand is not None:
        return
    with plane() as client:
        found = client.list_triggers()
    if as_json:
        print_json([trigger.model_dump(mode="json") for trigger in found])
    elif found:
        out().print(showing.triggers(found))
    else:
        aside().print("nothing is declared: set JOBFORGE_TRIGGERS_FILE for the scheduler")


@triggers.command("enable")
@told
def enable(trigger: Name, tenant: AnyTenant = "", as_json: AsJson = False) -> None:
    """Let a trigger or schedule act from now on (development profile)."""
    _switch(trigger, True, as_json)


@triggers.command("disable")
@told
def disable(trigger: Name, tenant: AnyTenant = "", as_json: AsJson = False) -> None:
    """Stop a trigger or schedule (development profile)."""
    _switch(trigger, False, as_json)


@triggers.command("try")
@told
def try_trigger(
    trigger: Name,
    tenant: Tenant,
    file: Annotated[Path | None, typer.Option(help="A file that declares it, instead of what the plane has.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many past events to try.")] = PAGE,
    as_json: AsJson = False,
) -> None:
    """Show which of a tenant's past events a trigger would act on, and with what inputs. Nothing is requested."""
    with plane() as client:
        wanted = _in_file(file, trigger) if file is not None else _in_plane(client, trigger)
        found = [_tried(wanted, event) for event in _past(client, wanted, tenant, limit)]
    acted = [one for one in found if one["acts"] or one["problem"]]
    if as_json:
        print_json({"trigger": trigger, "tried": len(found), "events": acted})
        return
    table = showing.table("Event", "Trace", "Inputs")
    for one in acted:
        table.add_row(one["event_id"], one["trace_id"], Text(one["problem"] or str(one["inputs"])))
    out().print(table)
    aside().print(f"{len(found)} events tried; {trigger} would act on {sum(one['acts'] for one in found)}")


def _switch(name: str, enabled: bool, as_json: bool) -> None:
    with plane() as client:
        client.set_trigger(name, enabled)
    told_switch(name, enabled, as_json)


def _in_plane(client: JobForgeClient, name: str) -> Trigger:
    info = next((each for each in client.list_triggers() if each.name == name and each.event_type is not None), None)
    if info is None:
        raise Stop(f"no trigger is called {name}", remedy="jobforge triggers lists them; --file tries one of a file.")
    fields = info.model_dump(include={"name", "event_type", "condition", "inputs", "most_per_trace"}, exclude_none=True)
    return Trigger(template=info.template_key, **fields)


def _in_file(file: Path, name: str) -> Trigger:
    try:
        declared: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        given = next(each for each in declared["triggers"] if each["name"] == name)
        return Trigger.model_validate(given)
    except OSError as error:
        raise Stop(f"{file}: {error.strerror}") from None
    except ValidationError as error:
        raise Stop(f"{file}: {name}: {error}") from None
    except (yaml.YAMLError, UnicodeDecodeError, LookupError, TypeError, StopIteration):
        raise Stop(f"{file} declares no trigger {name}") from None


def _past(client: JobForgeClient, trigger: Trigger, tenant: str, limit: int) -> Iterator[EventEnvelope]:
    event_type = None if "*" in trigger.event_type else trigger.event_type
    cursor: str | None = None
    left = limit
    while left > 0:
        page = client.list_events(tenant_id=tenant, event_type=event_type, limit=min(left, PAGE), cursor=cursor)
        yield from page.events
        left -= len(page.events)
        cursor = page.next_cursor
        if cursor is None:
            return


def _tried(trigger: Trigger, event: EventEnvelope) -> dict[str, Any]:
    shown = {"event_id": str(event.event_id), "event_type": event.event_type, "trace_id": event.trace_id}
    try:
        inputs = job_for(trigger, event, _search).inputs if wants(trigger, event, _search) else None
    except Unmapped as error:
        return {**shown, "acts": False, "inputs": None, "problem": str(error)}
    return {**shown, "acts": inputs is not None, "inputs": inputs, "problem": None}


def _search(expression: str, source: JsonObject) -> Any:
    """As the scheduler does it."""
    try:
        return jmespath.search(expression, source)
    except Exception as error:  # an expression that fails on an event is what a trial is to show
        raise Unmapped(f"{expression}: {' '.join(str(error).split())}") from None
