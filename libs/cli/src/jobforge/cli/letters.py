"""How dead letters look, in a terminal and as JSON."""

import json
from collections.abc import Iterable
from typing import Any

from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from jobforge.cli import showing
from jobforge.contracts.dead_letter import ADDED_HEADERS
from jobforge.ledger.dead_letters import DeadLetter, Group
from jobforge.ledger.replaying import Replay
from jobforge.ledger.replays import run_of

_HEX_SHOWN = 512
"""Bytes of a value that is no text which are shown."""
_TEXT_SHOWN = 20_000


def group_table(groups: Iterable[Group]) -> Table:
    """Groups, a line each."""
    made = showing.table("Count", "Reason", "Last error", "Template", "Oldest (UTC)", "Newest (UTC)", "For example")
    for group in groups:
        made.add_row(
            f"{group.count:,}",
            Text(group.reason),
            Text(group.cause or ""),
            Text(group.template),
            showing.moment(group.first.at),
            showing.moment(group.last.at),
            place(group.last),
        )
    return made


def group_json(group: Group) -> dict[str, Any]:
    """A group as plain data."""
    return {
        "reason": group.reason,
        "cause": group.cause,
        "template_key": group.template,
        "count": group.count,
        "oldest": group.first.at.isoformat(),
        "newest": group.last.at.isoformat(),
        "example": place(group.last),
    }


def letter(found: DeadLetter) -> RenderableType:
    """One dead letter, with everything it holds."""
    made = Table.grid(padding=(0, 2))
    facts = {
        "Position": place(found),
        "Reason": found.reason + (f" (last error: {found.cause})" if found.cause else ""),
        "Detail": found.detail,
        "Set aside": showing.moment(found.at),
        "Original": str(found.of or ""),
        "Key": _text(found.record.key),
    }
    for name, value in facts.items():
        if value:
            made.add_row(Text(name, style="bold"), Text(value))
    headers = showing.table("Header", "Value", "")
    for name, content in found.record.headers:
        headers.add_row(Text(name), Text(_text(content)), "added by JobForge" if name in ADDED_HEADERS else "")
    return Lines(made, "", headers, "", Text(_value(found.record.value)))


def letter_json(found: DeadLetter) -> dict[str, Any]:
    """One dead letter as plain data: text where it is UTF-8, else hex."""
    return {
        "position": place(found),
        "reason": found.reason,
        "cause": found.cause,
        "detail": found.detail,
        "at": found.at.isoformat(),
        "original": str(found.of) if found.of else None,
        "tenant_id": found.tenant,
        "run_id": found.run,
        "headers": [{"name": name, **_plain(value)} for name, value in found.record.headers],
        "key": _plain(found.record.key),
        "value": _plain(found.record.value),
    }


def replay_table(plans: Iterable[Replay]) -> Table:
    """Replays, a line each."""
    made = showing.table("Dead letter", "Tenant", "Template", "Replay of", "New run", "")
    for plan in plans:
        job = plan.job
        made.add_row(
            place(plan.letter),
            Text((job.tenant_id if job else plan.letter.tenant) or ""),
            Text(job.template_key if job else ""),
            str(job.replay_of) if job else plan.letter.run or "",
            str(run_of(job)) if job else "",
            Text(plan.refusal or "", style="yellow"),
        )
    return made


def replay_json(plan: Replay) -> dict[str, Any]:
    """One replay as plain data; ``run_id`` is null and ``refusal`` says why for what cannot be replayed."""
    job = plan.job
    return {
        "position": place(plan.letter),
        "tenant_id": job.tenant_id if job else plan.letter.tenant,
        "template_key": job.template_key if job else None,
        "replay_of": str(job.replay_of) if job else None,
        "root_run_id": str(job.root_run_id) if job else None,
        "run_id": str(run_of(job)) if job else None,
        "idempotency_key": job.idempotency_key if job else None,
        "refusal": plan.refusal,
    }


def place(found: DeadLetter) -> str:
    """A position as the commands take it."""
    return ":".join(map(str, found.position))


def _plain(value: bytes | None) -> dict[str, Any]:
    if value is None:
        return {"text": None}
    try:
        return {"text": value.decode()}
    except UnicodeDecodeError:
        return {"hex": value.hex()}


def _text(value: bytes | None) -> str:
    if value is None:
        return ""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex(" ")[: 3 * _HEX_SHOWN]


def _value(value: bytes | None) -> str:
    if not value:
        return "(no value)" if value is None else "(an empty value)"
    try:
        return json.dumps(json.loads(value), indent=2, ensure_ascii=False)[:_TEXT_SHOWN]
    except (ValueError, RecursionError):
        shown = _text(value[:_HEX_SHOWN] if b"\x00" in value else value[:_TEXT_SHOWN])
        return shown + (f"\n({len(value):,} bytes in all)" if len(value) > _HEX_SHOWN else "")
