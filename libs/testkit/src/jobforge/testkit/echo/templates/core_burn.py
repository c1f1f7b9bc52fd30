"""Keeps a core busy in a child process, with time enough for a child to start on a machine that has none to spare."""

from datetime import timedelta

from pydantic import BaseModel, Field

from jobforge.execution.job import Job
from jobforge.execution.template import template
from jobforge.testkit.echo.templates.message_reply import burn


class Inputs(BaseModel):
    """For how long."""

    message: str = ""
    seconds: float = Field(ge=0, le=30)


class Outputs(BaseModel):
    """What was done."""

    rounds: int


@template("echo.core.burn", timeout=timedelta(seconds=60), attempts=3)
async def run(inputs: Inputs, job: Job) -> Outputs:
    """Burns CPU time beside the worker."""
    return Outputs(rounds=await job.in_process(burn, inputs.seconds))
