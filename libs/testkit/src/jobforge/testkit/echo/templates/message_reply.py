"""Answers with what it was given, after doing on the way what a test asks for."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, Field

from jobforge.execution.errors import Retryable, Terminal
from jobforge.execution.job import Job
from jobforge.execution.template import template

HELD = 15.0
"""Seconds that a job holds the event loop when asked to: longer than a group member may be silent."""

STUBBORN = 60.0
"""Seconds that a job goes on after it was cancelled, when asked to."""


class Inputs(BaseModel):
    """What to say, and what to do first."""

    message: str = ""
    sleep: float = Field(default=0, ge=0, le=60, description="Seconds to wait without holding anything.")
    burn: float = Field(default=0, ge=0, le=60, description="Seconds of CPU work in a child process.")
    artifact: str | None = None
    progress: bool = False
    behave: Literal[
        "well",
        "retryable",
        "terminal",
        "raise",
        "exit",
        "die",
        "crash",
        "nan",
        "deep",
        "block",
        "group",
        "hold",
        "stubborn",
        "thread",
    ] = "well"
    fail_times: int = Field(default=0, ge=0, description="Attempts that fail for now before one works.")


class Outputs(BaseModel):
    """What was said."""

    message: str
    number: Any = None


class Refused(Terminal):
    """The test asked for a terminal failure."""

    code = "echo.refused"


class Busy(Retryable):
    """The test asked for a retryable failure."""

    code = "echo.busy"


@template("echo.message.reply", timeout=timedelta(seconds=5), attempts=3)
async def run(inputs: Inputs, job: Job) -> Outputs:
    """Answers with its message."""
    if job.attempt <= inputs.fail_times:
        raise Busy(f"busy at attempt {job.attempt}")
    if inputs.progress:
        await job.progress(0.5, "half way")
    if inputs.sleep:
        await asyncio.sleep(inputs.sleep)
    if inputs.burn:
        await job.in_process(burn, inputs.burn)
    if inputs.artifact is not None:
        await job.write_artifact("echo.txt", inputs.artifact, "text/plain")
    if inputs.behave != "well":
        return await misbehave(inputs.behave, job)
    return Outputs(message=inputs.message)


async def misbehave(how: str, job: Job) -> Outputs:
    """Everything a template can do wrong."""
    match how:
        case "retryable":
            raise Busy("busy for now")
        case "terminal":
            raise Refused("this will never work")
        case "group":
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
        case "exit":
            raise SystemExit(3)
        case "die":
            await job.in_process(os._exit, 9)
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "nan" | "deep":
            return Outputs(message="", number=float("nan") if how == "nan" else nested(220))
        case "block":
            await job.in_process(time.sleep, 60)
        case "hold":
            time.sleep(HELD)  # noqa: ASYNC251 - what no template may do
            return Outputs(message="")
        case "stubborn":
            await ignore_cancellation()
        case "thread":
            await job.in_thread(time.sleep, 60)
    raise ZeroDivisionError("a bug in the template")


async def ignore_cancellation() -> None:
    """Go on for a while, whoever cancels it."""
    until = time.monotonic() + STUBBORN
    while time.monotonic() < until:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.2)


def nested(levels: int) -> list[Any]:
    """Lists in lists: readers of JSON give up at some level, 200 with pydantic's."""
    return [nested(levels - 1)] if levels > 1 else []


async def fail() -> None:
    """Fails as one task of a group."""
    raise Refused("a task of a group failed")


def burn(seconds: float) -> int:
    """Keep one core busy."""
    until, rounds = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        rounds += 1
    return rounds
