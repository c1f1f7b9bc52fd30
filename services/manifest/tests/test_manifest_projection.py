"""The fold of a run: whatever order records come in, the first terminal one wins and its manifest never changes."""

import json
import math
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobforge.contracts.jobs import TERMINAL_STATUSES, RequestedBy
from jobforge.contracts.manifest import RunManifest, manifest_digest
from jobforge.contracts.runs import RunCancelRequested, RunRecord
from jobforge.manifest.projection import fold, is_terminal, moved, request_of
from jobforge.manifest.showing import history, job_json, job_of_manifest, merged, pending_manifest
from jobforge.manifest.states import NOTHING, RunState, parsed_request, parsed_run, stored_request, stored_run
from jobforge.testkit.run_records import (
    after,
    canceled,
    failed,
    progressed,
    requested,
    restored,
    retrying,
    started,
    succeeded,
)

RUN = UUID(int=7)
ARCHIVED = fold(NOTHING, succeeded(RUN, attempt=2, claim="old"), 3).manifest or b""
records = st.one_of(
    st.builds(lambda n, c: started(RUN, attempt=n, claim=c), st.integers(1, 3), st.sampled_from("abc")),
    st.builds(lambda n, f: progressed(RUN, f, attempt=n), st.integers(1, 3), st.floats(0, 1)),
    st.builds(lambda n, c: succeeded(RUN, attempt=n, claim=c), st.integers(1, 3), st.sampled_from("abc")),
    st.builds(lambda n, c: failed(RUN, attempt=n, claim=c), st.integers(1, 3), st.sampled_from("abc")),
    st.builds(lambda n, c: retrying(RUN, attempt=n, claim=c), st.integers(1, 3), st.sampled_from("abc")),
    st.builds(lambda n, c: canceled(RUN, attempt=n, claim=c), st.integers(1, 3), st.sampled_from("abc")),
    st.just(restored(ARCHIVED)),
    st.just(RunCancelRequested(run_id=RUN, tenant_id="acme", at=after(2))),
)
logs = st.lists(records, max_size=12)


def folded(log: list[RunRecord]) -> tuple[RunState, list[RunManifest]]:
    state, manifests = NOTHING, []
    for offset, record in enumerate(log):
        step = fold(state, record, offset)
        state = step.state
        if step.manifest is not None:
            manifests.append(RunManifest.model_validate_json(step.manifest))
    return state, manifests


@given(logs)
def test_a_run_ends_once_with_its_first_terminal_record(log: list[RunRecord]) -> None:
    """However many outcomes the log holds, there is one manifest, of the first; the others are only counted."""
    state, manifests = folded(log)
    ends = [offset for offset, record in enumerate(log) if is_terminal(record)]
    assert len(manifests) == min(1, len(ends))
    if ends:
        assert state.end is not None
        assert state.end.offset == ends[0] == state.offset
        assert state.duplicates == len(ends) - 1
        assert manifests[0].digest == state.end.digest == manifest_digest(manifests[0])


@given(logs, logs)
def test_nothing_after_the_end_changes_the_manifest_or_the_job(log: list[RunRecord], later: list[RunRecord]) -> None:
    """A terminal run is never reopened."""
    log = [*log, succeeded(RUN)]
    state, (manifest,) = folded(log)
    longer, (same,) = folded([*log, *later])
    assert same.model_dump_json() == manifest.model_dump_json()
    assert longer._replace(duplicates=0) == state._replace(duplicates=0)


@given(logs)
def test_folding_twice_gives_the_same_bytes(log: list[RunRecord]) -> None:
    """A rebuild from the log is the view it replaces."""
    first, second = folded(log), folded(log)
    assert stored_run(first[0]) == stored_run(second[0])
    assert [m.model_dump_json() for m in first[1]] == [m.model_dump_json() for m in second[1]]


@given(logs, st.integers(0, 12))
def test_a_fold_that_stops_and_goes_on_from_its_stored_row_is_the_same(log: list[RunRecord], at: int) -> None:
    """Rows are read back between batches; nothing is lost in them."""
    state, _ = folded(log)
    resumed = parsed_run(stored_run(folded(log[:at])[0]))
    for offset, record in enumerate(log[at:], start=len(log[:at])):
        resumed = fold(resumed, record, offset).state
    assert resumed == state


@given(logs)
def test_the_job_is_the_same_whichever_topic_is_read_first(log: list[RunRecord]) -> None:
    """The row's two fields are written by two topics and merged on read: their order cannot matter."""
    state, _ = folded(log)
    request = request_of(requested(RUN))
    job = merged("acme", RUN, request, state)
    assert job is not None
    assert job.template_key == "echo.message.reply"
    if state.end is not None:
        assert job.status in TERMINAL_STATUSES
        alone = merged("acme", RUN, None, state)
        assert alone is not None
        assert alone.status == job.status


@given(logs, st.booleans())
def test_the_job_is_written_as_its_model_writes_it(log: list[RunRecord], asked: bool) -> None:
    """The quick way to its JSON has the same fields, in the same order, with the same values."""
    state, _ = folded(log)
    request = request_of(requested(RUN, replay_of=UUID(int=8), project_id="p")) if asked else None
    job = merged("acme", RUN, request, state, "jobforge.runs/0@7")
    written = job_json("acme", RUN, request, state, "jobforge.runs/0@7")
    assert (job is None) == (written is None)
    if job is not None and written is not None:
        assert json.dumps(json.loads(written)) == json.dumps(json.loads(job.model_dump_json()))


@given(logs, st.integers(-2, 12))
def test_history_resumes_where_it_was_left(log: list[RunRecord], seen: int) -> None:
    """What a stream sent before and after it broke off is what an unbroken one sends."""
    state, _ = folded(log)
    job = merged("acme", RUN, request_of(requested(RUN)), state)
    assert job is not None
    everything = history(job, state, -2)
    assert history(job, state, seen) == [step for step in everything if step[0] > seen]
    assert everything[-1][1] == job
    assert [offset for offset, _ in everything] == sorted({offset for offset, _ in everything})


def test_a_request_to_cancel_alone_is_no_run() -> None:
    """It is kept for a request still to come; until then nobody asked for the run."""
    state = fold(NOTHING, RunCancelRequested(run_id=RUN, tenant_id="acme", at=after(1)), 0).state
    assert merged("acme", RUN, None, state) is None
    job = merged("acme", RUN, request_of(requested(RUN)), state)
    assert job is not None
    assert (job.status, job.cancel_requested) == ("queued", True)


def test_a_record_of_a_kind_that_is_not_known_changes_nothing() -> None:
    """Neither a running run nor an ended one."""
    unknown = RunRecord(run_id=RUN, tenant_id="acme")
    running, _ = folded([started(RUN)])
    ended, _ = folded([started(RUN), succeeded(RUN)])
    for state in (running, ended):
        assert fold(state, unknown, 9) == (state, None)


def test_an_unfinished_run_has_a_pending_manifest_of_what_is_known() -> None:
    """Who asked for what and when; no end, no outputs and no digest."""
    by = RequestedBy(source_app="settler")
    job = merged("acme", RUN, request_of(requested(RUN, requested_by=by, dry_run=True)), folded([started(RUN)])[0])
    assert job is not None
    manifest = pending_manifest(job)
    assert (manifest.status, manifest.digest, manifest.outputs) == ("pending", None, None)
    assert (manifest.run_id, manifest.tenant_id, manifest.requested_by, manifest.dry_run) == (RUN, "acme", by, True)
    assert manifest.timings.requested_at == job.created_at


def test_a_stored_request_is_read_back_as_it_was() -> None:
    """With everything that it can hold, and with as little as it can."""
    full = requested(
        RUN,
        project_id="p",
        dry_run=True,
        requested_by=RequestedBy(actor_id="ada", source_app="settler"),
        replay_of=UUID(int=8),
        start_by=after(60),
    )
    for request in (request_of(full, "jobforge.jobs.echo", 7), request_of(requested(RUN))):
        assert parsed_request(stored_request(request)) == request


def test_a_stored_run_is_read_back_as_it_was() -> None:
    """One that was tried twice, and one that ended before it began, whose request nobody could read."""
    began = fold(NOTHING, started(RUN).model_copy(update={"deadline": after(60)}), 0).state
    tried = fold(fold(began, retrying(RUN), 1).state, succeeded(RUN, attempt=2), 2).state
    unread = fold(NOTHING, failed(RUN).model_copy(update={"request": None, "started_at": None}), 0).state
    for state in (began, tried, unread):
        assert parsed_run(stored_run(state)) == state


def test_a_request_that_was_moved_to_a_slow_lane_stands_there_whichever_is_read_first() -> None:
    """The slow record is where it waits; nothing moves it back, and a request of unknown place stays as it is."""
    record = requested(RUN)
    quick, slow = request_of(record, "jobforge.jobs.echo", 7), request_of(record, "jobforge.jobs.echo.slow", 2)
    assert moved(quick, "jobforge.jobs.echo.slow", 2) == slow
    assert moved(slow, "jobforge.jobs.echo", 7) is None
    assert moved(slow, "jobforge.jobs.echo.slow", 3) is None
    assert moved(request_of(record), "jobforge.jobs.echo.slow", 2) is None


def test_starts_without_an_outcome_are_lost_attempts() -> None:
    """A worker that died leaves its start in the manifest."""
    _, (manifest,) = folded([started(RUN, claim="a"), started(RUN, claim="b"), succeeded(RUN, claim="b")])
    assert [(attempt.number, attempt.outcome) for attempt in manifest.attempts] == [(1, "lost"), (1, "succeeded")]


def test_an_outcome_that_json_cannot_carry_ends_the_run_as_failed() -> None:
    """A run always ends: the manifest says job.invalid_outputs instead of the outputs."""
    for bad in (math.nan, math.inf, 2**60):
        state, (manifest,) = folded([succeeded(RUN, outputs={"x": bad})])
        assert manifest.error is not None
        assert (manifest.status, manifest.error.code) == ("failed", "job.invalid_outputs")
        assert state.status == "failed"


def test_a_canceled_run_is_a_failed_manifest() -> None:
    """The job says canceled, its manifest failed with job.canceled; the archived one tells the same story."""
    state, (manifest,) = folded([failed(RUN, code="job.canceled")])
    assert (state.status, manifest.status) == ("canceled", "failed")
    assert job_of_manifest(manifest, None).status == "canceled"


@pytest.mark.parametrize("steps", [[started(RUN)], [started(RUN), progressed(RUN, 0.2)]])
def test_timings_never_come_from_after_the_end(steps: list[RunRecord]) -> None:
    """queued_for is up to the first start, ran_for is the winning attempt."""
    _, (manifest,) = folded([*steps, succeeded(RUN), started(RUN, claim="z")])
    assert (manifest.timings.queued_for, manifest.timings.ran_for) == (1.0, 2.0)
