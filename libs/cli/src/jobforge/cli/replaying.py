"""Commands about dead letters: list, show and replay."""

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.text import Text

from jobforge.cli import letters
from jobforge.cli.failures import JOB_FAILED, Stop, told
from jobforge.cli.operating import kafka_bootstrap, operating
from jobforge.cli.setting import AsJson, aside, out, print_json
from jobforge.ledger.dead_letters import DeadLetter, Groups, Wanted
from jobforge.ledger.kafka_history import connected
from jobforge.ledger.records import Position
from jobforge.ledger.replaying import Replay, dead_letters, inbox, planned, replay

dlq = typer.Typer(no_args_is_help=True, help="Dead letters: list them by cause, show one, replay them as new runs.")

Cause = Annotated[str | None, typer.Option(help="Only of this reason, or with this code of the last error.")]
Template = Annotated[str | None, typer.Option(help="Only requests of this template.")]
Tenant = Annotated[str | None, typer.Option(help="Only this tenant's.")]
Since = Annotated[
    str | None, typer.Option(metavar="WHEN", help="Only those set aside since then: 2026-11-24T10:00Z, or 30m, 2h, 7d.")
]
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dlq.command("list")
@told
def list_letters(
    cause: Cause = None, template: Template = None, tenant: Tenant = None, since: Since = None, as_json: AsJson = False
) -> None:
    """List dead letters, grouped by cause and template."""
    groups = Groups()

    async def look(wanted: Wanted) -> None:
        async with connected(kafka_bootstrap()) as history:
            async for letter in dead_letters(history, wanted):
                groups.add([letter])

    with operating():
        asyncio.run(look(Wanted(cause, template, tenant, _since(since))))
    found = groups.largest_first()
    if as_json:
        print_json([letters.group_json(group) for group in found])
    elif found:
        out().print(letters.group_table(found))
    else:
        out().print("no dead letters")


@dlq.command("show")
@told
def show_letter(
    position: Annotated[str, typer.Argument(help="Where it stands: topic:partition:offset.")], as_json: AsJson = False
) -> None:
    """Show one dead letter: why it was set aside, its headers, key and value."""
    at = _position(position)

    async def look() -> DeadLetter | None:
        async with connected(kafka_bootstrap()) as history:
            record = await history.find(*at)
            return None if record is None else DeadLetter(record)

    with operating():
        found = asyncio.run(look())
    if found is None:
        raise Stop(f"there is no record at {at}", remedy="jobforge dlq list names the positions there are.")
    print_json(letters.letter_json(found)) if as_json else out().print(letters.letter(found))


@dlq.command("replay")
@told
def replay_letters(
    positions: Annotated[list[str] | None, typer.Argument(help="Which: topic:partition:offset.")] = None,
    cause: Cause = None,
    template: Template = None,
    tenant: Tenant = None,
    since: Since = None,
    every: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be replayed.")] = False,
    rate: Annotated[float, typer.Option(min=0.01, max=1000, help="Requests a second, at most.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Request what failed again, as new runs; doing so twice changes nothing."""
    chosen = frozenset(_position(each) for each in positions or ())
    wanted = Wanted(cause, template, tenant, _since(since), chosen)
    if wanted == Wanted() and not every:
        raise Stop("say which: positions, --cause, --template, --tenant, --since, or --all")
    with operating():
        done = asyncio.run(_replay(wanted, dry_run=dry_run, rate=rate))
    if as_json:
        print_json({"dry_run": dry_run, "replays": [letters.replay_json(plan) for plan in done]})
    else:
        _tell(done, dry_run)
    missing = chosen - {plan.letter.position for plan in done}
    if missing:
        raise Stop("nothing to replay at " + ", ".join(sorted(str(each) for each in missing)))
    if chosen and any(plan.job is None for plan in done):
        raise typer.Exit(JOB_FAILED)


async def _replay(wanted: Wanted, *, dry_run: bool, rate: float) -> list[Replay]:
    async with connected(kafka_bootstrap()) as history:
        plans = planned(history, wanted)
        if dry_run:
            return [_kept(plan) async for plan in plans]
        async with inbox(kafka_bootstrap()) as publish:
            return [_kept(plan) async for plan in replay(plans, publish, rate=rate)]


def _kept(plan: Replay) -> Replay:
    """Without the bytes that nobody asks for any more: there may be many."""
    record = plan.letter.record
    slim = type(record)(
        record.topic, record.partition, record.offset, record.key, None, record.headers, record.timestamp
    )
    job = plan.job.model_copy(update={"inputs": {}}) if plan.job else None
    return Replay(DeadLetter(slim), job, plan.refusal)


def _tell(done: list[Replay], dry_run: bool) -> None:
    if not done:
        out().print("no dead letter is meant")
        return
    out().print(letters.replay_table(done))
    counts = Counter(plan.job is not None for plan in done)
    word = "would be replayed" if dry_run else "replayed"
    left = f", {counts[False]} cannot be and stay where they are" if counts[False] else ""
    aside().print(Text(f"{counts[True]} {word}{left}"))


def _position(text: str) -> Position:
    try:
        return Position.parse(text)
    except ValueError as error:
        raise Stop(str(error)) from None


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    ago = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if ago:
        given: dict[str, Any] = {_UNITS[ago[2]]: int(ago[1])}
        return datetime.now(UTC) - timedelta(**given)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Stop(f"--since takes a time such as 2026-11-24T10:00Z, or 30m, 2h, 7d, not {text!r}") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
