"""Acts on the world outside: posts one message under the run's effect key, as a payment or a mail would go out."""

import asyncio
from datetime import timedelta

import httpx
from pydantic import BaseModel, Field

from jobforge.execution.errors import Retryable
from jobforge.execution.job import Job
from jobforge.execution.template import template

STEP = "post"


class Inputs(BaseModel):
    """What to post and where to."""

    url: str
    message: str = ""
    sleep: float = Field(default=0, ge=0, le=60, description="Seconds to wait after the post and before the answer.")


class Outputs(BaseModel):
    """What the far side said."""

    key: str | None = None
    repeated: bool = Field(default=False, description="Whether the far side had seen the key before.")


class FarSideAway(Retryable):
    """The far side did not answer."""

    code = "echo.far_side_away"


@template("echo.effect.post", timeout=timedelta(seconds=20), attempts=3, effects="keyed")
async def run(inputs: Inputs, job: Job) -> Outputs:
    """Posts its message once, however often it runs: the key is the same each time."""
    body = {"tenant_id": job.tenant_id, "run_id": str(job.run_id), "attempt": job.attempt, "message": inputs.message}

    async def post(key: str) -> Outputs:
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                answer = await client.post(inputs.url, json=body, headers={"Idempotency-Key": key})
        except httpx.HTTPError as error:
            raise FarSideAway(f"{inputs.url} did not answer: {error!r}") from error
        return Outputs(key=key, repeated=answer.status_code == httpx.codes.OK)

    posted = await job.effect(STEP, post, url=inputs.url, message=inputs.message)
    await asyncio.sleep(inputs.sleep)
    return posted or Outputs()
