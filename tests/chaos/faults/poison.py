"""Jobs that kill whoever runs them."""

from trial.fault import Fault, NotAsPromised, Stage
from trial.plan import Ask

from jobforge.testkit.waiting import until

WITHIN = 180.0
"""Seconds until a job that kills its worker has ended: two workers die, a lease runs out after each, a child dies."""


async def crash(stage: Stage) -> None:
    """Send a few of them into the load, and wait until the plane is through with them."""
    asks = [_ask(stage.trial, number) for number in range(max(stage.times // 2, 2))]
    runs = [run for ask in asks if (run := await stage.clients.send(ask)) is not None]
    try:
        await until(lambda: all(run.ended for run in runs), timeout=WITHIN, every=0.1)
    except TimeoutError:
        raise NotAsPromised(f"jobs that kill their worker had not ended after {WITHIN:g} s") from None
    errors = {str((run.manifest or {})["error"]["code"]) for run in runs}
    deaths = {name: count for name, count in stage.plane.restarts.items() if name.startswith("echo")}
    stage.notes.append(f"{len(runs)} such jobs took {sum(deaths.values())} workers along")
    if errors != {"job.worker_lost"}:
        raise NotAsPromised(f"they ended with {', '.join(sorted(errors))}, not with job.worker_lost")


def _ask(trial: str, number: int) -> Ask:
    inputs = {"message": f"poison.{trial}/{number}", "behave": "crash"}
    return Ask(f"poison.{trial}", f"{trial}-poison-{number}", "echo.message.reply", inputs, ends=frozenset({"failed"}))


ROWS = (
    Fault(
        "crashing-jobs",
        "jobs that kill the process that runs them",
        "each ends as failed, alone in a child process; no neighbour pays",
        crash,
        seconds=20,
    ),
)
