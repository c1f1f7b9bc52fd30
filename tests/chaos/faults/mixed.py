"""Workers of every service that die: SIGKILL at random moments while every template is asked for."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import count

from mixed import asking
from mixed.kinds import KINDS
from mixed.scene import every_template, everyone
from trial.clients import Known
from trial.fault import Fault, NotAsPromised, Stage

AT_WORK = 0.3
"""Seconds after which a worker has begun what it was just asked for, and not yet ended all of it."""
LASTING = 120.0
"""Seconds over which the kills are spread: a service is back and busy before its turn comes again."""


async def kill_everyone(stage: Stage) -> None:
    """Kill every worker in a random order at random moments, twice; the supervisor starts each again."""
    names, rounds = everyone(), max(stage.times // 4, 1)
    pause, keys = stage.seconds / (rounds * len(names)), count()
    for _ in range(rounds):
        for name in stage.random.sample(names, len(names)):
            await asyncio.sleep(stage.random.uniform(0.1, 2 * pause))
            await _kill_at_work(stage, name, keys)


async def _kill_at_work(stage: Stage, name: str, keys: Iterator[int]) -> None:
    """Kill a worker that was just asked for some jobs: to kill an idle one shows little."""
    asks = asking.some(stage.random, stage.trial, name.partition("#")[0], stage.sink.url, keys)
    await asyncio.gather(*map(stage.clients.send, asks))
    await asyncio.sleep(stage.random.uniform(0, AT_WORK))
    await asyncio.to_thread(stage.plane[name].kill)
    stage.notes.append(f"killed {name}")


async def as_planned(stage: Stage) -> None:
    """What was to fail failed with its own code, and who acted was seen once, under the key that its manifest names."""
    ended = [run for run in stage.clients.known if run.manifest is not None]
    _tell(stage, ended)
    wrong = [*_wrong_codes(ended), *_wrong_effects(stage, ended)]
    if not any(map(_begun_again, ended)):
        wrong.append("no kill came in the middle of a job, so that nothing is shown")
    if wrong:
        raise NotAsPromised("; ".join(wrong[:20]))


def _wrong_codes(ended: list[Known]) -> list[str]:
    refused = [(run, (run.manifest or {})["error"]) for run in ended if run.ask.ends == {"failed"}]
    return [
        f"{run.ask.template} {run.run_id} was to fail with {KINDS[run.ask.template].code}, not with {error}"
        for run, error in refused
        if error is None or error["code"] != KINDS[run.ask.template].code
    ]


def _wrong_effects(stage: Stage, ended: list[Known]) -> list[str]:
    keyed = {key for key, template in asking.templates().items() if template.effects == "keyed"}
    acting = {run.run_id: run for run in ended if run.ask.template in keyed}
    seen = stage.sink.keys
    said = {run: (each.manifest or {})["outputs"]["key"] for run, each in acting.items() if each.state == "succeeded"}
    times = Counter(key.rpartition(":")[0] for key in seen)
    stage.notes.append(f"{len(seen)} effects, asked for {stage.sink.posts} times")
    return [
        *(f"{run} says that it acted as {key}, which nobody saw" for run, key in said.items() if key not in seen),
        *(f"{run} acted under {often} keys" for run, often in times.items() if often > 1),
        *(f"something acted as {run}, which is no run that may" for run in times.keys() - acting.keys()),
    ]


def _tell(stage: Stage, ended: list[Known]) -> None:
    """How many runs each template had, and how many of them a kill made begin again."""
    asked = Counter(run.ask.template for run in ended)
    again = Counter(run.ask.template for run in ended if _begun_again(run))
    stage.notes += [f"{key}: {runs} runs, {again[key]} of them begun again" for key, runs in sorted(asked.items())]


def _begun_again(run: Known) -> bool:
    return any(attempt["outcome"] == "lost" for attempt in (run.manifest or {})["attempts"])


ROWS = (
    Fault(
        "kill-worker-mixed",
        "kill -9 of workers while every template of every service is asked for",
        "no accepted request lost, one end each, the planned one; no second visible effect",
        kill_everyone,
        as_planned,
        seconds=LASTING,
        load=every_template,
        full=True,
    ),
)
