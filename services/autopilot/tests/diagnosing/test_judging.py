"""Each way in which a run ends is told apart, with its cause, its evidence and what to do."""

from datetime import timedelta
from typing import Any

import pytest

from jobforge.autopilot.diagnosing.families import ENDINGS, NAMED, family_of
from jobforge.autopilot.diagnosing.judging import diagnose
from jobforge.autopilot.diagnosing.results import Diagnosis
from jobforge.execution import errors
from jobforge.execution.errors import JobFailure


def codes(found: Diagnosis) -> dict[str, str]:
    """The causes and how sure they are."""
    return {cause.code: cause.confidence for cause in found.causes}


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("job.invalid_inputs", "request"),
        ("object.not_found", "request"),
        ("index.type_mismatch", "request"),
        ("contract.encrypted", "input"),
        ("asset.not_encodable", "input"),
        ("contract.too_large", "limits"),
        ("usage.result_too_large", "limits"),
        ("index.full", "limits"),
        ("target.unreachable", "far_side"),
        ("notification.far_side_away", "far_side"),
        ("purge.refused", "far_side"),
        ("model.empty", "far_side"),
        ("purge.url_refused", "request"),
        ("notification.target_refused", "setup"),
        ("model.not_configured", "setup"),
        ("notification.channel_off", "setup"),
        ("job.worker_lost", "crash"),
        ("job.process_died", "crash"),
        ("job.canceled", "canceled"),
        ("job.timeout", "deadline"),
        ("job.expired", "deadline"),
        ("job.raised", "defect"),
        ("artifacts.unavailable", "plane"),
        ("knowledge.search_failed", "another_run"),
        ("orders.strange", "unknown"),
        ("orders.handoff", "unknown"),
    ],
)
def test_a_code_says_whose_fault_the_failure_is(cases: Any, code: str, category: str) -> None:
    """The engine's codes by name, others by their ending."""
    found = diagnose(cases((1, 2, code), error=cases.error(code)))
    assert found.category == category
    assert code in codes(found)
    assert found.steps
    assert found.generator == "rules"


def test_an_unknown_code_says_so() -> None:
    """Instead of a guess."""
    family, confidence = family_of("orders.strange")
    assert (family.category, confidence) == ("unknown", "possible")
    assert "No rule knows this code" in family.explanation


def test_every_failure_of_the_engine_is_known_by_name() -> None:
    """But for those that say no more than that a template failed."""
    failures = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, JobFailure)]
    assert {each.code for each in failures} - set(NAMED) == {"job.failed", "job.retryable", "job.terminal"}


def test_a_code_that_is_judged_by_its_ending_is_never_called_certain() -> None:
    """Its template may mean something else by the word."""
    assert {family_of(f"orders.{ending.lstrip('_')}")[1] for ending in ENDINGS} == {"likely"}


def test_attempts_that_fail_alike_are_told_from_a_passing_fault(cases: Any) -> None:
    """The run's own error is what spent its attempts, and the dead letter's commands can be copied."""
    down = "embeddings.unavailable"
    found = diagnose(cases((1, 2, down), (3, 4, down), (8, 10, down), error=cases.spent(down)))
    assert (found.verdict, found.category) == ("failed", "far_side")
    assert codes(found) == {down: "likely", "attempts.alike": "likely"}
    assert "failed after 3 attempts in 10 s: embeddings.unavailable" in found.summary
    assert "jobforge dlq show jobforge.dlq.echo/3@17" in " ".join(found.steps)
    assert found.steps[-1].endswith("jobforge dlq replay jobforge.dlq.echo/3@17")


def test_the_last_attempt_counts_by_what_it_failed_with_and_not_as_spent(cases: Any) -> None:
    """As manifests have it: the last attempt carries the run's error."""
    case = cases((1, 2, "x.busy"), (3, 4, "x.busy"), error=cases.spent("x.busy"))
    last = case.manifest.attempts[-1].model_copy(update={"error": case.manifest.error})
    attempts = (case.manifest.attempts[0], last)
    found = diagnose(type(case)(case.run, case.manifest.model_copy(update={"attempts": attempts})))
    assert "attempts.alike" in codes(found)


def test_attempts_that_fail_differently_are_told(cases: Any) -> None:
    """With how often each error came."""
    found = diagnose(cases((1, 2, "x.busy"), (3, 4, "x.timeout"), error=cases.spent("x.timeout")))
    (differ,) = (cause for cause in found.causes if cause.code == "attempts.differ")
    assert differ.evidence == "x.busy (1), x.timeout (1)"


def test_a_lost_attempt_means_that_a_worker_crashed(cases: Any) -> None:
    """What it took until the next began is told as lost, not as run."""
    found = diagnose(cases((1, None, None), (5, 9, "job.raised"), error=cases.error("job.raised")))
    assert codes(found)["worker.crashed"] == "likely"
    assert (found.time_spent.lost, found.time_spent.running) == (4, 4)


def test_a_lost_attempt_is_not_said_to_have_failed_like_the_others(cases: Any) -> None:
    """Nobody knows how it ended."""
    found = diagnose(cases((1, 2, "x.busy"), (3, None, None), (5, 6, "x.busy"), error=cases.spent("x.busy")))
    assert "All attempts that reported failed alike." in found.summary


def test_work_that_kills_each_worker_is_not_to_be_repeated_unchanged(cases: Any) -> None:
    """The engine found that out by running it alone."""
    found = diagnose(
        cases((1, None, None), (2, None, None), (3, 4, "job.worker_lost"), error=cases.error("job.worker_lost"))
    )
    assert found.category == "crash"
    assert any("Do not repeat it unchanged" in step for step in found.steps)


def test_a_time_out_of_a_worker_that_vanished_is_a_crash_and_no_slow_work(cases: Any) -> None:
    """It is not the template's time limit that has to be raised."""
    found = diagnose(
        cases(
            (1, 90, "job.timeout"), error=cases.error("job.timeout"), service="scheduler", limit=timedelta(seconds=60)
        )
    )
    assert found.category == "crash"
    assert codes(found) == {"worker.vanished": "certain"}
    assert "its worker vanished" in found.summary
    assert (found.time_spent.running, found.time_spent.lost) == (0, 9)


def test_the_wait_for_an_attempt_that_never_began_is_told_as_waiting(cases: Any) -> None:
    """And not left out of where the time went."""
    found = diagnose(cases((1, 2, "x.busy"), error=cases.error("job.lost"), ended=300, service="scheduler"))
    assert found.category == "plane"
    assert (found.time_spent.running, found.time_spent.waiting) == (1, 298)


def test_a_run_whose_request_cannot_be_read_is_not_called_none(cases: Any) -> None:
    """It has no template."""
    found = diagnose(cases(error=cases.error("job.unreadable"), template_key=None))
    assert found.summary.startswith("The run failed after 0 attempts")


def test_a_time_out_at_the_limit_names_the_limit(cases: Any) -> None:
    """As the catalog has it now."""
    found = diagnose(
        cases((1, 31, "job.timeout"), error=cases.spent("job.timeout"), ended=31, limit=timedelta(seconds=30))
    )
    assert codes(found) == {"job.timeout": "certain", "limit.near": "likely"}
    assert any("now grants 30 s" in cause.evidence for cause in found.causes)


def test_a_run_that_expired_in_the_queue_says_where_its_time_went(cases: Any) -> None:
    """No attempt began."""
    found = diagnose(cases(error=cases.error("job.expired"), ended=60))
    assert found.category == "deadline"
    assert codes(found) == {"job.expired": "certain", "queue.long": "likely"}
    assert (found.time_spent.queued, found.run.attempts) == (60, 0)


def test_a_canceled_run_was_canceled(cases: Any) -> None:
    """Nothing failed."""
    found = diagnose(cases((1, 3, "job.canceled"), error=cases.error("job.canceled")))
    assert (found.verdict, found.category) == ("canceled", "canceled")
    assert "was canceled on request" in found.summary


def test_a_template_that_was_off_is_named_with_how_to_enable_it(cases: Any) -> None:
    """Found in the door's words, which the run's error repeats."""
    error = cases.error("knowledge.refused", "did not search: Template is disabled: aias.knowledge.search (off)")
    found = diagnose(cases(error=error, enabled=False))
    assert codes(found)["template.disabled"] == "certain"
    assert any("PUT /v1/templates/aias.knowledge.search" in step for step in found.steps)
    assert any("Enable echo.message.reply, which is off now" in step for step in found.steps)
