"""What ingestion makes of an admitted request without checking it again is what a check would let through."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from jobforge.chassis.wire import Position
from jobforge.contracts.envelope import EventReceipt
from jobforge.contracts.inbox import InboxJob
from jobforge.contracts.jobs import JobAccepted, JobRequested, JobSubmission
from jobforge.ingestion.outgoing import requested
from jobforge.ingestion.replies import Reply, accepted, receipt
from jobforge.testkit.builders import template_announced

NOW = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)
SUBMISSIONS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"tenant_id": NAMES, "template_key": st.just("settler.contract.process")},
    optional={
        "project_id": NAMES,
        "inputs": st.dictionaries(st.text(max_size=6), st.text(max_size=6) | st.integers(0, 9), max_size=3),
        "trace_id": NAMES,
        "actor_id": st.text(min_size=1, max_size=20),
        "source_app": st.just("settler"),
        "dry_run": st.booleans(),
        "start_within": st.floats(0.001, 2_592_000),
    },
)


TEMPLATE = template_announced("settler.contract.process")


@given(SUBMISSIONS, st.none() | st.just(NOW), st.booleans())
def test_an_accepted_request_would_pass_its_own_check(
    fields: dict[str, Any], key_made_at: datetime | None, replayed: bool
) -> None:
    """Every field that a worker reads is one that its model allows."""
    if replayed:
        submission: JobSubmission = InboxJob(**fields, kind="job", replay_of=uuid4(), root_run_id=uuid4())
    else:
        submission = JobSubmission(**fields)
    made = requested(submission, TEMPLATE, run_id=uuid4(), requested_at=NOW, key_made_at=key_made_at)
    assert JobRequested.model_validate_json(made.to_bytes()) == made
    assert JobRequested.model_validate(dict(made)) == made


@given(SUBMISSIONS)
def test_the_answer_is_the_accepted_job_at_its_place_in_the_log(fields: dict[str, Any]) -> None:
    """It is written in two parts, and read as one."""
    made = requested(JobSubmission(**fields), TEMPLATE, run_id=uuid4(), requested_at=NOW, key_made_at=None)
    told = JobAccepted.model_validate_json(Reply(lambda: accepted(made)).at(Position("jobforge.jobs.settler", 3, 7)))
    assert told.job.as_of == "jobforge.jobs.settler/3@7"
    assert (told.job.id, told.job.status, told.job.max_attempts) == (made.run_id, "queued", 3)
    assert (told.job.created_at, told.trace_id, told.dry_run) == (NOW, made.trace_id, made.dry_run)
    assert told.job.requested_by == made.requested_by


def test_the_receipt_of_an_event_names_it() -> None:
    """An event's answer says no place in the log."""
    event_id = uuid4()
    said = Reply(lambda: receipt(event_id, "trace_1")).at(Position("jobforge.events.settler", 0, 1))
    assert EventReceipt.model_validate_json(said) == EventReceipt(event_id=event_id, trace_id="trace_1")
    assert json.loads(said) == {"event_id": str(event_id), "trace_id": "trace_1", "audit_id": None}
