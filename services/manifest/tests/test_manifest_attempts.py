"""What becomes of attempts: retried, lost, cancelled, restored; their numbers never fall, and none is forgotten."""

import json
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobforge.contracts.canonical import digest
from jobforge.contracts.jobs import JobError
from jobforge.contracts.manifest import RunManifest, manifest_digest
from jobforge.contracts.restoring import NotRestorable, unseal
from jobforge.contracts.runs import RunCancelRequested, RunRecord
from jobforge.contracts.topics import MAX_MESSAGE_BYTES
from jobforge.execution.outcomes import MAX_OUTCOME_BYTES
from jobforge.manifest.projection import MAX_STARTS, begun_again, fold
from jobforge.manifest.sealing import LEFT_OUT
from jobforge.manifest.showing import job_of_manifest, merged
from jobforge.manifest.states import NOTHING, RunState, parsed_run, stored_run
from jobforge.testkit.run_records import (
    after,
    canceled,
    failed,
    progressed,
    restored,
    retrying,
    started,
    succeeded,
)

RUN = UUID(int=7)
CANCEL = RunCancelRequested(run_id=RUN, tenant_id="acme", at=after(2))
claims, numbers = st.sampled_from("abc"), st.integers(1, 4)
unfinished = st.lists(
    st.one_of(
        st.builds(lambda n, c: started(RUN, attempt=n, claim=c), numbers, claims),
        st.builds(lambda n, c: retrying(RUN, attempt=n, claim=c), numbers, claims),
        st.builds(lambda n: progressed(RUN, 0.5, attempt=n), numbers),
        st.just(CANCEL),
    ),
    max_size=14,
)


def folded(*log: RunRecord) -> tuple[RunState, RunManifest | None]:
    """The state after these records, and the manifest if they end the run."""
    state, manifest = NOTHING, None
    for offset, record in enumerate(log):
        state, sealed = fold(state, record, offset)
        manifest = RunManifest.model_validate_json(sealed) if sealed is not None else manifest
    return state, manifest


def attempts(*log: RunRecord) -> list[tuple[int, str | None, str | None]]:
    """Number, outcome and error code of each attempt in the manifest that these records end in."""
    _, manifest = folded(*log)
    assert manifest is not None
    return [(one.number, one.outcome, one.error.code if one.error else None) for one in manifest.attempts]


def test_every_attempt_is_in_the_manifest_with_what_came_of_it() -> None:
    """One that retried failed with its error, a start without an outcome was lost, and the last one ended the run."""
    log = (
        started(RUN, claim="a"),
        started(RUN, claim="b"),
        retrying(RUN, claim="b", code="echo.one"),
        retrying(RUN, attempt=2, claim="c", code="echo.two"),  # whose start was never written
        started(RUN, attempt=3, claim="d"),
        succeeded(RUN, attempt=3, claim="d"),
    )
    assert attempts(*log) == [
        (1, "lost", None),
        (1, "failed", "echo.one"),
        (2, "failed", "echo.two"),
        (3, "succeeded", None),
    ]
    _, manifest = folded(*log)
    assert manifest is not None
    assert [one.finished_at for one in manifest.attempts] == [None, after(2), after(2), after(3)]


def test_a_run_that_waits_for_its_next_attempt_is_retrying() -> None:
    """It shows the attempt that failed until the next one starts, and no progress of it."""
    state, _ = folded(started(RUN), progressed(RUN, 0.5), retrying(RUN))
    assert (state.status, state.attempt, state.progress) == ("retrying", 1, None)
    assert fold(state, started(RUN, attempt=2), 9).state.status == "running"


@pytest.mark.parametrize("late", [retrying(RUN, claim="z"), started(RUN, claim="z"), progressed(RUN, 0.9)])
def test_a_late_word_of_an_older_attempt_moves_nothing_back(late: RunRecord) -> None:
    """A worker that was frozen still says how its attempt ended: that is kept, and what is shown stays."""
    state, _ = folded(started(RUN), retrying(RUN), started(RUN, attempt=2), progressed(RUN, 0.5, attempt=2))
    later = fold(state, late, 9).state
    assert (later.status, later.attempt, later.progress, later.offset) == ("running", 2, state.progress, 3)
    waiting, _ = folded(started(RUN), retrying(RUN))
    assert fold(waiting, late, 9).state.status == "retrying"


@given(unfinished)
def test_what_is_shown_never_goes_back(log: list[RunRecord]) -> None:
    """Attempts never fall, and a run that has begun is never queued again."""
    states = [folded(*log[:count])[0] for count in range(len(log) + 1)]
    for before, later in pairwise(states):
        assert later.attempt >= before.attempt
        assert (later.status is None) <= (before.status is None)
        assert later.cancel_requested >= before.cancel_requested
        assert later.offset >= before.offset


@given(unfinished, numbers, claims)
def test_attempts_in_a_manifest_never_fall_and_none_is_forgotten(log: list[RunRecord], number: int, claim: str) -> None:
    """However late a record came; each start or retry of another claim is one attempt, beside the one that ended it."""
    found = attempts(*log, succeeded(RUN, attempt=number, claim=claim))
    assert [one for one, _, _ in found] == sorted(one for one, _, _ in found)
    tried = {(one.attempt, one.claim) for one in log if one.type in {"RunStarted", "RunRetrying"}}  # type: ignore[attr-defined]  # every record has one
    assert len(found) == len(tried | {(number, claim)})
    assert [outcome for _, outcome, _ in found].count("succeeded") == 1


@given(unfinished)
def test_starts_without_an_outcome_are_counted_for_the_newest_attempt_alone(log: list[RunRecord]) -> None:
    """Two of them are what makes a run suspect of killing its workers."""
    state, _ = folded(*log)
    own = [start for start in state.starts if start.number == state.attempt]
    assert begun_again(state) == (0 if any(start.error for start in own) else len(own))
    ended, _ = folded(*log, failed(RUN))
    assert begun_again(ended) == 0


@given(unfinished)
def test_a_stored_row_is_read_back_as_it_was(log: list[RunRecord]) -> None:
    """Deadlines, errors and progress included."""
    unreadable = failed(RUN, code="job.unreadable").model_copy(update={"request": None})
    for end in ([], [failed(RUN)], [succeeded(RUN)], [unreadable]):
        state, _ = folded(*log, *end)
        assert parsed_run(stored_run(state)) == state


def test_a_cancelled_run_says_so_everywhere() -> None:
    """The job is canceled, its manifest failed with job.canceled, its attempt canceled."""
    state, manifest = folded(started(RUN), CANCEL, canceled(RUN))
    assert manifest is not None
    assert manifest.error is not None
    assert (state.status, manifest.status, manifest.error.code) == ("canceled", "failed", "job.canceled")
    assert [one.outcome for one in manifest.attempts] == ["canceled"]
    assert manifest.artifacts == ()


def test_a_restored_run_is_what_the_archive_says() -> None:
    """Same digest, and the job that the archived manifest tells of; what began meanwhile was for nothing."""
    _, archived = folded(retrying(RUN), succeeded(RUN, attempt=2, claim="x"))
    assert archived is not None
    record = restored(archived.model_dump_json().encode())
    state, sealed = fold(folded(started(RUN, claim="new"))[0], record, 7)
    assert RunManifest.model_validate_json(sealed or b"") == archived
    assert merged("acme", RUN, None, state) == job_of_manifest(archived, None)
    assert state.end is not None
    assert (state.end.digest, state.starts) == (archived.digest, ())
    again, nothing = fold(state, failed(RUN), 8)
    assert (again.duplicates, nothing, again.status) == (1, None, "succeeded")


def test_a_restored_run_whose_request_was_unreadable_is_restored_too() -> None:
    """It had no template to show, and shows none again."""
    unreadable = failed(RUN, code="job.unreadable").model_copy(update={"request": None})
    _, archived = folded(unreadable)
    assert archived is not None
    state, _ = folded(restored(archived.model_dump_json().encode()))
    assert merged("acme", RUN, None, state) == job_of_manifest(archived, None)


@pytest.mark.parametrize(
    "change",
    [
        {"run_id": str(UUID(int=8))},
        {"tenant_id": "other"},
        {"outputs": {"reply": "forged"}},
        {"trace": 1},
        {"digest": 1},
    ],
)
def test_a_manifest_that_is_not_what_was_archived_is_refused(change: dict[str, Any]) -> None:
    """Another run's, another tenant's, or changed."""
    _, archived = folded(succeeded(RUN))
    assert archived is not None
    record = restored(archived.model_dump_json().encode())
    with pytest.raises(NotRestorable):
        unseal(record.model_copy(update={"manifest": {**record.manifest, **change}}))


def test_a_manifest_of_a_newer_version_is_restored_with_all_it_holds() -> None:
    """A field that this reader does not know is covered by the digest and kept."""
    _, archived = folded(succeeded(RUN))
    assert archived is not None
    content = json.loads(archived.model_dump_json()) | {"from_the_future": 1}
    newer = RunManifest.model_validate(content).model_dump(mode="json") | {"from_the_future": 1}
    covered = {name: value for name, value in newer.items() if name not in {"digest", "duplicates"}}
    covered["trace"] = {name: value for name, value in covered["trace"].items() if name != "url"}
    record = restored(json.dumps({**newer, "digest": digest(covered)}).encode())
    _, sealed = fold(NOTHING, record, 0)
    assert json.loads(sealed or b"")["from_the_future"] == 1


@pytest.mark.parametrize(
    "record",
    [
        succeeded(RUN),
        failed(RUN),
        canceled(RUN),
        succeeded(RUN, outputs={"x": 1e-7, "y": 0.1, "z": 2**40, "\u00e9": [1.0, None]}),
    ],
)
def test_a_manifest_is_written_as_its_model_writes_it(record: RunRecord) -> None:
    """Field by field in the model's order, and with the digest that the model computes."""
    _, sealed = fold(folded(started(RUN, claim="lost"))[0], record, 1)
    manifest = RunManifest.model_validate_json(sealed or b"")
    assert json.dumps(json.loads(sealed or b"")) == json.dumps(json.loads(manifest.model_dump_json()))
    assert manifest.digest == manifest_digest(manifest)


def test_an_error_that_json_cannot_carry_ends_the_run_all_the_same() -> None:
    """In the outcome or in an attempt before it: nothing that a worker writes stops the fold."""
    bad = JobError(code="x.y", message="m", cause={"huge": 2**70, "nan": float("nan")})
    first = retrying(RUN).model_copy(update={"error": bad})
    last = failed(RUN, attempt=2).model_copy(update={"error": bad})
    state, manifest = folded(first, last)
    assert manifest is not None
    assert manifest.error is not None
    assert (manifest.error.code, [one.outcome for one in manifest.attempts]) == ("job.invalid_outputs", ["failed"] * 2)
    assert parsed_run(stored_run(state)) == state


def test_a_run_that_starts_for_ever_keeps_a_bounded_row() -> None:
    """The first starts are kept; the state still moves."""
    log = [started(RUN, claim=f"c{number}") for number in range(MAX_STARTS + 5)]
    state, _ = folded(*log, retrying(RUN, claim="late"), started(RUN, attempt=2))
    assert (len(state.starts), state.status, state.attempt) == (MAX_STARTS, "running", 2)


@pytest.mark.parametrize(
    "end",
    [
        succeeded(RUN, outputs={"text": "x" * MAX_MESSAGE_BYTES}),
        succeeded(RUN).model_copy(update={"tool_versions": {"tool": "x" * MAX_MESSAGE_BYTES}}),
        failed(RUN).model_copy(update={"error": JobError(code="x.y", message="x" * MAX_MESSAGE_BYTES)}),
    ],
)
def test_the_manifest_of_an_outcome_larger_than_a_record_fits_into_one(end: RunRecord) -> None:
    """In a compressed batch the log takes such an outcome; its manifest was published in vain for ever."""
    state, manifest = folded(started(RUN), end)
    assert manifest is not None
    assert manifest.error is not None
    assert (state.status, manifest.error.code, manifest.digest) == (
        "failed",
        "job.invalid_outputs",
        manifest_digest(manifest),
    )
    assert len(manifest.model_dump_json()) < 10_000


@pytest.mark.parametrize("size", [10_000, MAX_OUTCOME_BYTES])
def test_a_manifest_of_the_largest_outcome_and_every_attempt_fits_into_a_record(size: int) -> None:
    """It was too large for its topic, published in vain for ever, and never archived."""
    wordy = JobError(code="x" * 100, message="\x01" * 2000, retryable=True)  # six bytes for each, as JSON
    tries = [retrying(RUN, attempt=number).model_copy(update={"error": wordy}) for number in range(1, MAX_STARTS)]
    end = succeeded(RUN, attempt=MAX_STARTS, outputs={"text": ""})
    end = succeeded(RUN, attempt=MAX_STARTS, outputs={"text": "x" * (size - len(end.to_bytes()))})
    _, manifest = folded(*tries, end)
    assert manifest is not None
    assert (len(manifest.attempts), manifest.digest) == (MAX_STARTS, manifest_digest(manifest))
    assert manifest.outputs == end.outputs
    told = {one.error.message for one in manifest.attempts if one.error}
    assert told == ({wordy.message} if size == 10_000 else {LEFT_OUT})
    again = restored(manifest.model_dump_json().encode())
    assert len(again.to_bytes()) < MAX_MESSAGE_BYTES - 4096  # for key, headers and framing
