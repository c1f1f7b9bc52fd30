"""Processes that are there and do nothing, and then go on as if nothing had been."""

import asyncio

from trial.fault import Fault, Inject, Stage


def stopping(name: str) -> Inject:
    """SIGSTOP for as long as the outage lasts, then SIGCONT."""

    async def inject(stage: Stage) -> None:
        stage.plane[name].pause()
        try:
            await asyncio.sleep(stage.seconds)
        finally:
            stage.plane[name].resume()

    return inject


ROWS = (
    Fault(
        "zombie-worker",
        "a worker stopped (SIGSTOP) and then continued",
        "one end each; what the zombie wrote late is not referenced",
        stopping("echo"),
        seconds=30,
    ),
    Fault(
        "zombie-scheduler",
        "the scheduler stopped (SIGSTOP) and then continued",
        "retries wait, none is lost, none counts twice",
        stopping("scheduler"),
        seconds=30,
    ),
    Fault(
        "zombie-manifest",
        "the view's service stopped (SIGSTOP) and then continued",
        "no reader sees anything older than before",
        stopping("manifest"),
        seconds=30,
    ),
)
