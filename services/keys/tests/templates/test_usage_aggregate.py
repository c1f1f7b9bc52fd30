"""A period's usage comes out as sums, a table and a chart."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from jobforge.execution.errors import JobFailure
from jobforge.keys.errors import GranularityUnknown, PeriodUnknown, RangeAbsurd, TimeZoneUnknown, UsageBehind
from jobforge.keys.templates.usage_aggregate import Inputs, run
from jobforge.keys.usage_log import UsageLog
from jobforge.keys.usage_store import UsageStore
from jobforge.testkit.recording_job import RecordingJob

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
Keep = Callable[..., Awaitable[list[str]]]


class StoredAtOnce(UsageLog):
    """A log whose feed has nothing left to do."""

    async def stored(self) -> None:
        """At once."""


class Behind(UsageLog):
    """A log whose feed stands still."""

    async def stored(self) -> None:
        """Never."""
        raise UsageBehind("17 usage events are not stored")


async def test_usage_is_added_up_by_key_and_bucket(store: UsageStore, keep: Keep, usage: Callable[..., bytes]) -> None:
    """In the time zone that was asked for."""
    await keep([usage("a", 2, 100, at=NOON), usage("b", 3, 200, at=NOON)])
    job = RecordingJob()
    inputs = Inputs(period="2026-11", granularity="daily", time_zone="Asia/Tokyo")
    outputs = await run(inputs, job, log=StoredAtOnce(""), store=store)
    assert (outputs.requests, outputs.bytes_transferred, outputs.events) == (5, 300, 2)
    assert (outputs.keys, outputs.buckets) == (2, 30)
    assert outputs.start == datetime(2026, 10, 31, 15, tzinfo=UTC)
    assert {name: kind for name, (_, kind) in job.artifacts.items()} == {
        "usage.parquet": "application/vnd.apache.parquet",
        "usage.csv": "text/csv",
        "usage.svg": "image/svg+xml",
    }
    lines = job.artifacts["usage.csv"][0].decode().splitlines()
    assert len(lines) == 61
    assert "b,2026-11-23T00:00:00+09:00,3,200" in lines
    assert "polars" in job.tool_versions


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        ({"period": "last week", "granularity": "daily"}, PeriodUnknown),
        ({"period": "2026-11", "granularity": "weekly"}, GranularityUnknown),
        ({"period": "2026-11", "granularity": "daily", "time_zone": "Mars/Olympus"}, TimeZoneUnknown),
        ({"period": "2020-01-01/2026-01-01", "granularity": "hourly"}, RangeAbsurd),
    ],
)
async def test_bad_input_is_refused_by_name(store: UsageStore, inputs: dict[str, str], error: type[JobFailure]) -> None:
    """Before anything is read or waited for."""
    with pytest.raises(error):
        await run(Inputs.model_validate(inputs), RecordingJob(), log=Behind(""), store=store)


async def test_a_job_fails_rather_than_leave_out_what_was_accepted(store: UsageStore) -> None:
    """It is tried again later."""
    job = RecordingJob()
    with pytest.raises(UsageBehind) as failed:
        await run(Inputs(period="2026-11", granularity="daily"), job, log=Behind(""), store=store)
    assert failed.value.retryable
    assert job.artifacts == {}


def test_the_door_can_refuse_an_unknown_granularity() -> None:
    """The schema lists those there are."""
    schema = Inputs.model_json_schema()
    assert schema["properties"]["granularity"]["enum"] == ["hourly", "daily", "monthly"]
