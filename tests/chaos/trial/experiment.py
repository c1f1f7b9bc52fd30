"""One trial: load, a fault in the middle of it, and the verdict when everything has come to rest."""

import asyncio
import shutil
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from time import monotonic

from jobforge.native.processes import DidNotStart
from jobforge.testkit.waiting import until
from trial import log
from trial.clients import FAST, LOOK, Clients, clients
from trial.fault import Fault, NotAsPromised, Probe, Stage
from trial.history import History
from trial.judge import Verdict, judge
from trial.plan import Ask
from trial.plane import ChaosPlane
from trial.sink import Sink

BEFORE, DURING = 0.2, 0.6
"""Shares of the jobs that are sent before the fault and while it lasts."""
SETTLE = 240.0
"""Seconds for everything to end after the fault: what a crash left is closed by the scheduler within 90."""
PROBE_EVERY = 0.5
RECOVERY = 60.0
STILL = 3.0
"""Seconds without a turn of this process's own loop that are worth a note."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a trial is run."""

    jobs: int
    seed: int
    short: bool
    results: Path


@dataclass(frozen=True, slots=True)
class Result:
    """A row of the table."""

    fault: str
    what: str
    verdict: Verdict
    recovery: float | None
    """Seconds from the end of the fault until a new request was accepted and its manifest was read; None for never."""
    problems: tuple[str, ...]
    """What else was not as promised."""
    notes: tuple[str, ...] = ()

    @classmethod
    def broken_off(cls, fault: Fault, error: Exception) -> "Result":
        """A trial that came to no verdict."""
        nothing = Verdict(jobs=0, lost=0, doubled=0, regressions=0, findings=(), repeated_ends=0)
        return cls(fault.name, fault.what, nothing, None, (f"broken off, no verdict: {error!r}",))

    @property
    def held(self) -> bool:
        """Whether the promise held."""
        return not (self.problems or self.verdict.findings)


async def run_trial(fault: Fault, plane: ChaosPlane, options: Options) -> Result:
    """Put the plane under load, do what the fault does, let everything settle, and judge."""
    folder = options.results / fault.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    random = Random(f"{options.seed}:{fault.name}:fault")
    doors = plane["ingestion"].url, plane["manifest"].url
    with Sink(folder / "effects.ndjson") as sink, History(folder / "clients.ndjson", fault.name) as history:
        async with clients(*doors, history, Random(f"{options.seed}:{fault.name}:reads")) as all_clients:
            seconds, times = fault.lasting(short=options.short), 3 if options.short else 8
            stage = Stage(fault.name, plane, all_clients, sink, random, seconds, times, options.short)
            async with fault.load(stage, options.jobs, options.seed) as asks:
                recovery, problems = await _until_settled(fault, stage, asks)
                if not await log.quiet(plane.bootstrap, timeout=60):
                    problems.append("groups were still behind 60 s after every run had ended")
                await _or_problem(fault.check(stage), problems)
                await all_clients.read_every_manifest()
            problems += _wrong_ends(all_clients)
    verdict = await judge(
        plane.bootstrap,
        clients=history.path,
        effects=sink.path,
        artifacts=plane.artifacts.absolute().as_uri(),
        jobs=len(all_clients.known),
    )
    result = Result(fault.name, fault.what, verdict, recovery, tuple(problems), tuple(stage.notes))
    if not result.held:
        await log.keep(plane.bootstrap, folder / "records.ndjson")
        shutil.copytree(plane.logs, folder / "logs")
    return result


async def _until_settled(fault: Fault, stage: Stage, asks: Sequence[Ask]) -> tuple[float | None, list[str]]:
    """The load with the fault in it, watched by readers until every run has ended."""
    reading = asyncio.create_task(stage.clients.read_forever())
    watching = asyncio.create_task(_note_stillness(stage))
    try:
        recovery, problems = await _under_load(fault, stage, asks)
        if recovery and fault.recovers and recovery > fault.recovers and not stage.short:
            problems.append(f"recovered after {recovery:.1f} s, {fault.recovers:g} are promised")
        if not await stage.clients.settled(timeout=SETTLE):
            problems.append(f"not every accepted run had ended {SETTLE:g} s after the fault")
    finally:
        watching.cancel()
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
    return recovery, problems


async def _under_load(fault: Fault, stage: Stage, asks: Sequence[Ask]) -> tuple[float | None, list[str]]:
    problems: list[str] = []
    sending = asyncio.create_task(stage.clients.send_all(asks))
    try:
        if fault.idle:
            await sending
            await stage.clients.settled(timeout=SETTLE)
            await log.quiet(stage.plane.bootstrap, timeout=60)
        await until(lambda: stage.clients.sent >= BEFORE * len(asks), timeout=SETTLE)
        stage.clients.rate = min(DURING * len(asks) / max(stage.seconds, 5.0), FAST)
        await _or_problem(fault.inject(stage), problems)
        stage.clients.rate = FAST
        recovery = await _recovered(stage)
        if recovery is None:
            problems.append(f"no new request completed within {RECOVERY:g} s after the fault")
        await sending
    finally:
        sending.cancel()
    return recovery, problems


async def _or_problem(work: Awaitable[None], problems: list[str]) -> None:
    try:
        await work
    except (NotAsPromised, DidNotStart, TimeoutError) as error:
        problems.append(str(error) or f"{type(error).__name__} while the fault lasted")


async def _recovered(stage: Stage) -> float | None:
    """Seconds until the plane has answered each of the probes; None if one of them never was."""
    keys = count()
    took = await asyncio.gather(*(_answered(stage, probe, keys) for probe in stage.probes))
    return None if None in took else max(each for each in took if each is not None)


async def _answered(stage: Stage, probe: Probe, keys: Iterator[int]) -> float | None:
    """Seconds until one of the requests that are sent every half second from now on has its manifest."""
    began, probes = monotonic(), list[asyncio.Task[None]]()

    async def complete() -> None:
        run = await stage.clients.send(probe(stage.trial, "probe", keys))
        while run is not None and not run.ended:
            await asyncio.sleep(LOOK * len(probes))  # however many wait, they leave the plane room to recover
            await stage.clients.read(run)

    try:
        while monotonic() - began < RECOVERY:
            probes.append(asyncio.create_task(complete()))
            done, _ = await asyncio.wait(probes, timeout=PROBE_EVERY, return_when=asyncio.FIRST_COMPLETED)
            if done:
                return monotonic() - began
        return None
    finally:
        _, unanswered = await asyncio.wait(probes, timeout=RECOVERY)
        for asking in unanswered:  # their runs are followed by the readers
            asking.cancel()


async def _note_stillness(stage: Stage) -> None:
    """Say when this process itself did not run: then no time that was measured means anything."""
    while True:
        began = monotonic()
        await asyncio.sleep(PROBE_EVERY)
        if (still := monotonic() - began - PROBE_EVERY) > STILL:
            stage.notes.append(f"the suite itself stood still for {still:.0f} s")


def _wrong_ends(all_clients: Clients) -> list[str]:
    """Runs that ended in a state that their job does not allow: a fault may cost time, never an attempt's verdict."""
    return all_clients.refused + [
        f"{run.run_id} ended {run.state}: {run.manifest and run.manifest['error']}"
        for run in all_clients.known
        if run.state not in run.ask.ends
    ]
