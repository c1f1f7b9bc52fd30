"""Makes a cache drop its copies of what has changed, by the interface that the cache has."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from jobforge.contracts.base import StrictInput
from jobforge.execution.job import Job
from jobforge.execution.template import template
from jobforge.readylayer.purging.caches import Kind
from jobforge.readylayer.purging.purger import Purger
from jobforge.readylayer.purging.wording import Selection

STEP = "purge"
MOST = 500

Url = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_:./-]{1,128}$")]


class Inputs(StrictInput):
    """Which cache is to drop what: at least one of ``urls``, ``prefixes`` and ``tags``, or ``everything`` alone."""

    cache: str = Field(default="default", min_length=1, max_length=128, description="A cache that the service knows.")
    urls: tuple[Url, ...] = Field(default=(), max_length=MOST, description="URLs, or paths at the cache's first host.")
    prefixes: tuple[Url, ...] = Field(default=(), max_length=MOST, description="The same, for all that begins so.")
    tags: tuple[Tag, ...] = Field(default=(), max_length=MOST, description="Surrogate keys that answers carry.")
    everything: bool = Field(default=False, description="All that the cache holds of its hosts.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        some = bool(self.urls or self.prefixes or self.tags)
        if some == self.everything:
            raise ValueError("urls: give urls, prefixes or tags, or everything alone")
        return self


class Outputs(BaseModel):
    """What the cache was asked, and what it said."""

    cache: str
    kind: Kind
    key: str | None = Field(
        description="The idempotency key: the same for every attempt and every replay of the run. Null in a dry run."
    )
    purged: bool = Field(description="False in a dry run, which checks everything but the cache.")
    requests: int = Field(description="How many requests the cache took.")
    absent: list[str] = Field(description="URLs of which a PURGE said that there was no copy.")


@template(
    "readylayer.cache.purge",
    scopes={"readylayer:purge"},
    timeout=timedelta(seconds=60),
    attempts=6,
    effects="keyed",
    backoff=timedelta(seconds=5),
)
async def run(inputs: Inputs, job: Job, *, purger: Purger) -> Outputs:
    """Purge one cache; the cache sees the same key however often the run is tried."""
    wanted = Selection(inputs.urls, inputs.prefixes, inputs.tags, inputs.everything)
    cache, planned = purger.plan(inputs.cache, job.tenant_id, wanted)

    async def purge(key: str) -> Outputs:
        done = await purger.purge(inputs.cache, cache, planned, key)
        job.measure("requests", done.requests)
        return Outputs(
            cache=inputs.cache, kind=cache.kind, key=key, purged=True, requests=done.requests, absent=done.absent
        )

    dry = Outputs(cache=inputs.cache, kind=cache.kind, key=None, purged=False, requests=0, absent=[])
    what = [ask.about for ask in planned[:20]]
    return await job.effect(STEP, purge, cache=inputs.cache, kind=cache.kind, requests=len(planned), drops=what) or dry
