"""Commands that send: submit, request, put and cancel."""

from typing import Annotated, Any

import typer

from jobforge.cli import showing
from jobforge.cli.failures import JOB_FAILED, Stop
from jobforge.cli.following import follow
from jobforge.cli.inputs import events, job_inputs
from jobforge.cli.setting import AsJson, RunId, Tenant, aside, out, plane, print_json
from jobforge.client import EventOutcome, generate_trace_id
from jobforge.client.uuid7 import uuid7
from jobforge.contracts.jobs import Job


def submit(
    file: Annotated[str, typer.Argument(help="Events as JSON: one object, a list, or one a line; - reads input.")],
    tenant: Tenant,
    as_json: AsJson = False,
) -> None:
    """Send the events in a file."""
    found = [_event(event, tenant) for event in events(file)]
    with plane() as client:
        if len(found) == 1:
            receipt = client.submit_event(**found[0])
            outcomes = [EventOutcome(status=202, event_id=receipt.event_id)]
        else:
            outcomes = client.submit_events(found)
    if as_json:
        print_json([outcome.model_dump(mode="json") for outcome in outcomes])
    else:
        _show_outcomes(found, outcomes)
    refused = sum(not outcome.accepted for outcome in outcomes)
    if refused:
        raise Stop(f"{refused} of {len(outcomes)} events were refused")


def _event(event: dict[str, Any], tenant: str) -> dict[str, Any]:
    known = {"tenant_id", "event_type", "trace_id", "source_app", "source_module", "project_id", "subject", "payload"}
    known |= {"contains_pii", "redaction_hints", "event_id", "occurred_at"}
    unknown = sorted(event.keys() - known)
    if unknown:
        raise Stop(f"an event has no field {', '.join(unknown)}", remedy=f"Its fields: {', '.join(sorted(known))}")
    missing = sorted({"event_type", "source_app"} - event.keys())
    if missing:
        raise Stop(f"an event lacks {' and '.join(missing)}")
    return {"tenant_id": tenant, "trace_id": generate_trace_id(), "event_id": str(uuid7()), **event}


def _show_outcomes(sent: list[dict[str, Any]], outcomes: list[EventOutcome]) -> None:
    table = showing.table("Event", "Trace", "Id", "Outcome")
    for event, outcome in zip(sent, outcomes, strict=True):
        said = "accepted" if outcome.error is None else f"[red]{outcome.error.code}[/]: {outcome.error.detail}"
        table.add_row(str(event["event_type"]), str(event["trace_id"]), str(outcome.event_id or ""), said)
    out().print(table)


def request(
    template: Annotated[str, typer.Argument(help="The template's key, such as settler.contract.process.")],
    tenant: Tenant,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="name=value; JSON if it parses, else text. Repeatable.")
    ] = None,
    file: Annotated[str | None, typer.Option("--inputs", help="A JSON file of inputs; - reads standard input.")] = None,
    project: Annotated[str | None, typer.Option(help="The project it belongs to.")] = None,
    trace: Annotated[str | None, typer.Option(help="The trace it belongs to; else a new one.")] = None,
    actor: Annotated[str | None, typer.Option(help="Who asks for it.")] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key: the same key is the same run.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing outside.")] = False,
    policy_token: Annotated[str | None, typer.Option(help="The policy token of an action job.")] = None,
    start_within: Annotated[
        float | None, typer.Option(help="Seconds in which it must have begun; later it ends with job.expired.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run to its end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Request a job."""
    given = job_inputs(inputs or (), file)
    with plane() as client:
        result = client.request_job(
            tenant_id=tenant,
            template_key=template,
            inputs=given,
            trace_id=trace or generate_trace_id(),
            actor_id=actor,
            project_id=project,
            idempotency_key=key,
            dry_run=dry_run,
            policy_token=policy_token,
            start_within=start_within,
        )
        if not wait:
            print_json(result) if as_json else out().print(showing.run(result.job))
            return
        aside().print(f"run {result.job.id}, trace {result.trace_id}")
        job = follow(client.watch(result.job.id, tenant)) or result.job
    print_json(job) if as_json else out().print(showing.run(job))
    exit_as(job)


def watch(run: RunId, tenant: Tenant, as_json: AsJson = False) -> None:
    """Follow a run to its end."""
    with plane() as client:
        if as_json:
            job = None
            for job in client.watch(run, tenant):
                typer.echo(job.model_dump_json())
        else:
            job = follow(client.watch(run, tenant))
    if job is not None:
        if not as_json:
            out().print(showing.run(job))
        exit_as(job)


def exit_as(job: Job) -> None:
    """Ends the command as the run ended."""
    if job.status != "succeeded":
        raise typer.Exit(JOB_FAILED)


def put(
    kind: Annotated[str, typer.Argument(help="contract, document or asset.")],
    object_id: Annotated[str, typer.Argument(metavar="ID", help="The id by which inputs name it.")],
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="The file to upload.")],
    tenant: Tenant,
    content_type: Annotated[str | None, typer.Option(help="Its media type; else guessed from the name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Upload what an input names."""
    with plane() as client:
        receipt = client.put_object(kind, object_id, file.name, tenant_id=tenant, content_type=content_type)
    if as_json:
        print_json(receipt)
        return
    out().print(f"{receipt.kind} {receipt.object_id}: {receipt.size} bytes, {receipt.content_type}, {receipt.sha256}")


def cancel(run: RunId, tenant: Tenant, as_json: AsJson = False) -> None:
    """Ask to cancel a run."""
    with plane() as client:
        receipt = client.cancel_job(run, tenant)
    print_json(receipt) if as_json else out().print(f"asked to cancel {run}; jobforge watch {run} shows how it ends")
