"""What the row of every template takes for wrong: another failure than the planned one, and effects seen otherwise."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
from faults.mixed import as_planned
from trial.clients import Clients, Known
from trial.fault import NotAsPromised, Stage
from trial.plan import Ask
from trial.sink import Sink

RUN = "5f0c3d0e-6a1b-4c58-9a53-0a2b6f1c7d11"
KEY = f"{RUN}:purge"
UNUSED: Any = None
"""The plane and its doors: the verdict goes by what clients know."""


def ended(template: str, *, fails: bool = False, code: str = "", outputs: Any = None, attempt: str = "lost") -> Known:
    """A run that its client has seen end, after an attempt that ended so."""
    ask = Ask("acme.t", f"t-{template}", template, {}, ends=frozenset({"failed" if fails else "succeeded"}))
    manifest = {"error": {"code": code} if code else None, "outputs": outputs, "attempts": [{"outcome": attempt}]}
    return Known(ask, RUN, "failed" if fails else "succeeded", manifest)


def purged(**more: Any) -> Known:
    """A purge that says under which key it acted."""
    return ended("readylayer.cache.purge", outputs={"key": KEY}, **more)


@pytest.mark.parametrize(
    ("run", "seen", "wrong"),
    [
        (purged(), [KEY, KEY], None),
        (ended("aias.knowledge.search", fails=True, code="index.not_found"), [], None),
        (ended("aias.knowledge.search", fails=True, code="job.worker_lost"), [], "was to fail with index.not_found"),
        (purged(), [], "which nobody saw"),
        (purged(), [KEY, f"{RUN}:again"], "acted under 2 keys"),
        (ended("settler.contract.process"), [KEY], "no run that may"),
        (purged(attempt="succeeded"), [KEY], "no kill came in the middle of a job"),
    ],
)
async def test_only_planned_failures_and_effects_seen_once_under_the_runs_key_are_right(
    run: Known, seen: list[str], wrong: str | None, tmp_path: Path
) -> None:
    """A key that comes again is no second effect."""
    with Sink(tmp_path / "effects.ndjson") as sink:
        for key in seen:
            sink.take(key, {})
        clients = Clients(UNUSED, UNUSED, UNUSED, Random(0), known=[run])
        stage = Stage("t", UNUSED, clients, sink, Random(0), seconds=0, times=0)
        if wrong is None:
            await as_planned(stage)
            return
        with pytest.raises(NotAsPromised, match=wrong):
            await as_planned(stage)
