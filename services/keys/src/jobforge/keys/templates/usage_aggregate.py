"""Adds up the usage of API keys in a period, by key and by hour, day or month."""

from datetime import timedelta
from importlib.metadata import version
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from jobforge.contracts.base import Instant
from jobforge.execution.job import Job
from jobforge.execution.template import template
from jobforge.keys.buckets import GRANULARITIES, edges, labels
from jobforge.keys.chart import usage_chart
from jobforge.keys.periods import FORMS, period_of, zone_of
from jobforge.keys.totals import Question, add_up
from jobforge.keys.usage_log import UsageLog
from jobforge.keys.usage_store import UsageStore


class Inputs(BaseModel):
    """Which usage, and in which buckets."""

    model_config = ConfigDict(extra="forbid")

    period: Annotated[str, Field(max_length=100, description=f"By the app's time: {FORMS}.")]
    granularity: Annotated[str, Field(json_schema_extra={"enum": list(GRANULARITIES)})]
    time_zone: Annotated[
        str, Field(max_length=60, description="Whose days and hours count: an IANA name such as Europe/Berlin.")
    ] = "UTC"


class Outputs(BaseModel):
    """Sums over the period; ``usage.csv`` and ``usage.parquet`` hold them by key and bucket."""

    start: Instant
    end: Instant = Field(description="Excluded.")
    time_zone: str
    requests: int
    bytes_transferred: int
    events: int = Field(description="Usage events that count.")
    keys: int
    buckets: int = Field(description="Of each key; one without usage is zero.")
    late_events: int = Field(description="Of those that count: reached the plane over 5 minutes after the app's time.")
    early_events: int = Field(description="Likewise, over 5 minutes before: the app's clock is ahead.")
    repeated_events: int = Field(description="Accepted again under an event_id that was accepted before; not counted.")
    repeated_deliveries: int = Field(description="Stored again from the same place in the log; not counted.")
    unusable_events: int = Field(description="Without a key or without proper numbers, such as redacted ones.")


@template("keys.usage.aggregate", timeout=timedelta(seconds=120), lane="fast")
async def run(inputs: Inputs, job: Job, *, log: UsageLog, store: UsageStore) -> Outputs:
    """Add up usage, including all that was accepted before the job was requested."""
    zone = zone_of(inputs.time_zone)
    period = period_of(inputs.period, zone)
    cuts = edges(period, inputs.granularity)
    question = Question(job.tenant_id, cuts, labels(cuts, period))
    await log.stored()
    await job.progress(0.2, "all usage is stored")
    answer = await job.in_process(add_up, store.url, question)
    job.used_tool("polars", version("polars"))

    title = f"Usage of {answer.keys} keys, {inputs.period} ({zone.key}), {inputs.granularity}"
    chart = usage_chart(title, question.labels, answer.requests, answer.bytes_transferred)
    await job.write_artifact("usage.parquet", answer.parquet, "application/vnd.apache.parquet")
    await job.write_artifact("usage.csv", answer.csv, "text/csv")
    await job.write_artifact("usage.svg", chart, "image/svg+xml")
    counts = answer.counts
    return Outputs(
        start=period.start,
        end=period.end,
        time_zone=zone.key,
        requests=sum(answer.requests),
        bytes_transferred=sum(answer.bytes_transferred),
        events=counts.events,
        keys=answer.keys,
        buckets=len(question.labels),
        late_events=counts.late,
        early_events=counts.early,
        repeated_events=counts.repeated,
        repeated_deliveries=counts.reread,
        unusable_events=counts.unusable,
    )
