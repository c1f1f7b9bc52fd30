"""One tenant that asks for twenty times as much as the others."""

import asyncio
from statistics import median, quantiles

from trial.clients import Known
from trial.fault import Fault, NotAsPromised, Stage
from trial.plan import TENANTS, Ask

TIMES = 20
HELD = 2.0
"""Seconds that each job of the flood holds a slot: together they want more slots than there are."""
MOST = 120.0
"""Jobs a second that the flood has at most."""
UNNOTICED = 0.5
"""Seconds of waiting that nobody minds."""
SHARE = 0.25
"""In the short suite, what the others may wait of the flood's own median, if that is more: without turns all would wait
alike."""


async def flood(stage: Stage) -> None:
    """Twenty times what each of the others sends, for as long as the outage lasts."""
    rate = min(TIMES * stage.clients.rate / len(TENANTS), MOST)
    stage.marks["flood"] = len(stage.clients.known)
    asks = [_ask(stage.trial, number) for number in range(int(rate * stage.seconds))]
    async with asyncio.TaskGroup() as group:
        for ask in asks:
            group.create_task(stage.clients.send(ask))
            await asyncio.sleep(1 / rate)
    stage.notes.append(f"{len(asks)} jobs flooded in at {rate:.0f}/s")


async def others_waited_little(stage: Stage) -> None:
    """The others' 95th percentile of waiting, before and during the flood."""
    await stage.clients.read_every_manifest()
    others = [run for run in stage.clients.known if run.ask.tenant.split(".")[0] in TENANTS]
    flooding = [run for run in stage.clients.known if run.ask.tenant.split(".")[0] == "flood"]
    start = stage.marks["flood"]
    earlier = [run for run in stage.clients.known[:start] if run in others]
    before, during = _p95(earlier), _p95([run for run in others if run not in earlier])
    itself = median(_waits(flooding))
    stage.notes.append(f"p95 of waiting {before * 1000:.0f} ms before, {during * 1000:.0f} ms during")
    stage.notes.append(f"the flood itself waited {itself:.1f} s, half of it longer")
    if during > max(2 * before, UNNOTICED, SHARE * itself if stage.short else 0):
        went = f"the others' p95 of waiting went from {before:.2f} s to {during:.2f} s"
        raise NotAsPromised(f"{went}; the flood's median is {itself:.2f} s")


def _p95(runs: list[Known]) -> float:
    waits = _waits(runs)
    return quantiles(waits, n=20)[-1] if len(waits) > 1 else 0.0


def _waits(runs: list[Known]) -> list[float]:
    return [float(run.manifest["timings"]["queued_for"] or 0) for run in runs if run.manifest is not None]


def _ask(trial: str, number: int) -> Ask:
    inputs = {"message": f"flood.{trial}/{number}", "sleep": HELD}
    return Ask(f"flood.{trial}", f"{trial}-flood-{number}", "echo.message.reply", inputs)


ROWS = (
    Fault(
        "tenant-floods",
        "one tenant floods twentyfold",
        "the others' p95 of waiting at most doubles, or stays under 500 ms",
        flood,
        others_waited_little,
        seconds=20,
    ),
)
