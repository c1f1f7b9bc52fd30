"""What the log alone cannot show: the bytes of artifacts, and what the view answers now."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from jobforge.contracts.base import JsonObject
from jobforge.contracts.manifest import content_digest
from jobforge.ledger.findings import Finding, Report
from jobforge.ledger.part import Ended
from jobforge.ledger.run_state import Written

T = TypeVar("T")
AT_ONCE = 16
"""Questions that wait for their answer together."""


class Artifacts(Protocol):
    """A store of artifacts."""

    async def sha256(self, location: str) -> str | None:
        """The digest (hex) of the bytes there, or None if there are none."""
        ...


class View(Protocol):
    """The doors that people read at."""

    async def manifest(self, tenant: str, run: str) -> JsonObject | str:
        """A run's manifest as it is answered, or in words why there is none."""
        ...


async def check_artifacts(store: Artifacts, ended: Sequence[Ended], report: Report) -> AsyncIterator[Finding]:
    """I6: the bytes of every artifact that a success names."""

    async def look(one: tuple[Ended, Written]) -> Finding | None:
        (tenant, name, _), written = one
        report.looked["I6"] += 1
        found = await store.sha256(written.location)
        if found == written.sha256:
            return None
        what = "is not in the store" if found is None else "has other bytes than its digest says"
        return Finding("I6", f"the artifact {written.location} {what}", tenant, name)

    wanted = [(one, written) for one in ended if one.run.end for written in one.run.end.artifacts]
    async for finding in _together(look, wanted):
        yield finding


async def check_view(view: View, ended: Sequence[Ended], report: Report) -> AsyncIterator[Finding]:
    """I7: what the view answers for every run that ended, against what was published."""

    async def look(one: Ended) -> Finding | None:
        report.looked["I7"] += 1
        found = await view.manifest(one.tenant, one.name)
        what = found if isinstance(found, str) else _differs(found, one)
        return Finding("I7", what, one.tenant, one.name) if what else None

    async for finding in _together(look, ended):
        yield finding


def _differs(found: JsonObject, ended: Ended) -> str | None:
    digest = found.get("digest")
    if digest is None:
        return f"it has ended, and the view answers a manifest that is {found.get('status')}"
    if content_digest(found) != digest:
        return "the digest that the view answers is not that of its content"
    published = {snapshot.digest for snapshot in ended.run.snapshots}
    if published and digest not in published:
        return "the view answers a manifest with another digest than the one that was published"
    return None


async def _together(look: Callable[[T], Awaitable[Finding | None]], wanted: Sequence[T]) -> AsyncIterator[Finding]:
    for start in range(0, len(wanted), AT_ONCE):
        for finding in await asyncio.gather(*(look(one) for one in wanted[start : start + AT_ONCE])):
            if finding is not None:
                yield finding
