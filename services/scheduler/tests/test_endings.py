"""What the scheduler writes about runs: no more than may be shown, and nothing is dropped."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from jobforge.chassis.wire import Record
from jobforge.contracts.control import TemplateAnnounced
from jobforge.contracts.dead_letter import ALWAYS_ADDED, REASON, added_headers
from jobforge.contracts.identity import run_key
from jobforge.contracts.runs import RUN_RECORDS, Environment
from jobforge.scheduler.acting import NO_WAY_BACK, Acts
from jobforge.scheduler.endings import snapshot
from jobforge.testkit.builders import job_requested
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.tended import AskedLog

HEADERS = (("jobforge-return-to", b"jobforge.runs"), ("a", b"\xff"), ("a", b""))


def echo(**fields: Any) -> TemplateAnnounced:
    """The announced template."""
    return TemplateAnnounced(
        template_key="echo.message.reply",
        version="7",
        domain="echo",
        description="",
        input_schema={"properties": fields},
        output_schema={},
        timeout_seconds=5,
        attempts=3,
        announced_at=datetime(2026, 2, 2, tzinfo=UTC),
    )


def test_without_its_template_a_request_shows_none_of_its_inputs() -> None:
    """Nobody knows then which of them are sensitive."""
    shown = snapshot(job_requested({"message": "m", "token": "secret"}), None)
    assert shown is not None
    assert (shown.inputs, shown.template_version, len(shown.inputs_digest)) == ({}, "1", 64)


def test_with_its_template_a_request_shows_what_is_not_sensitive() -> None:
    """As the worker would have shown it."""
    shown = snapshot(job_requested({"message": "m", "token": "secret"}), echo(message={}, token={"sensitive": True}))
    assert shown is not None
    assert (shown.inputs, shown.template_version) == ({"message": "m", "token": "[REDACTED]"}, "7")


def test_a_request_that_no_snapshot_holds_still_ends() -> None:
    """Its inputs have no digest."""
    request = job_requested({"message": "m"}).model_copy(update={"inputs": {"number": float("nan")}})
    assert snapshot(request, echo()) is None


@pytest.fixture
def acts(log: MemoryLog) -> Acts:
    environment = Environment(service="scheduler", version="1", python="3.11", platform="linux", host="h")
    return Acts(log.publisher(), AskedLog(log), dict, worker="scheduler@h:1", environment=environment, partitions=2)


async def test_a_record_that_can_go_nowhere_is_kept_byte_for_byte_and_its_run_ends(acts: Acts, log: MemoryLog) -> None:
    """With the reason in added headers; the run that its key names ends once and for all."""
    run_id = uuid4()
    record = Record("jobforge.retry.5s", 1, 17, run_key("acme", run_id), b"\x80not read", HEADERS, 1234)
    await acts.refuse(record, "nowhere to go")
    (kept,) = log.records("jobforge.rejected")
    assert (kept.key, kept.value, kept.headers[: len(HEADERS)]) == (record.key, record.value, HEADERS)
    added = added_headers(kept.headers)
    assert added[REASON] == NO_WAY_BACK
    assert (added["jobforge-origin-topic"], added["jobforge-origin-offset"]) == ("jobforge.retry.5s", "17")
    (end,) = [RUN_RECORDS.validate_json(each.value or b"") for each in log.records("jobforge.runs")]
    assert (end.type, end.run_id, end.request, end.error.code) == ("RunFailed", run_id, None, "job.unreadable")


async def test_a_record_whose_key_names_no_run_is_kept_and_ends_none(acts: Acts, log: MemoryLog) -> None:
    """There is nothing to end."""
    await acts.refuse(Record("jobforge.retry.5s", 0, 0, b"\xff", None, (), 1), "nowhere to go")
    (kept,) = log.records("jobforge.rejected")
    assert (kept.key, kept.value, len(kept.headers)) == (b"\xff", None, len(ALWAYS_ADDED))
    assert log.records("jobforge.runs") == []
