"""What a diagnosis tells around the failure: the timeline, the rest of the trace, and what it does not repeat."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from jobforge.autopilot.diagnosing.case import SCAN, Event
from jobforge.autopilot.diagnosing.judging import diagnose
from jobforge.autopilot.diagnosing.timeline import MOST_MOMENTS


def test_a_run_that_succeeded_at_once_has_nothing_that_stands_out(cases: Any) -> None:
    """And nothing to do."""
    found = diagnose(cases((0.1, 9, None), limit=timedelta(minutes=1)))
    assert (found.verdict, found.category, found.causes, found.steps) == ("succeeded", "none", [], [])
    assert "most of it running. Nothing stood out." in found.summary


def test_what_stood_out_of_a_run_that_succeeded_is_told(cases: Any) -> None:
    """Failures before it, the wait for a worker, an attempt near the limit, warnings: each by itself."""
    slow = diagnose(
        cases(
            (20, 21, "x.busy"), (22, 31, None), ended=31, limit=timedelta(seconds=10), outputs={"warnings": ["a", "b"]}
        )
    )
    assert slow.verdict == "attention"
    assert {cause.code for cause in slow.causes} == {"attempts.needed", "outputs.warnings", "limit.near", "queue.long"}
    assert slow.time_spent.model_dump() == {"queued": 20, "running": 10, "waiting": 1, "lost": 0, "total": 31}


def test_nothing_of_inputs_or_of_warnings_is_copied(cases: Any) -> None:
    """They may be what a template redacts."""
    case = cases(
        (1, 2, None), inputs={"token": "in-secret"}, outputs={"warnings": ["out-secret"], "name": "out-secret"}
    )
    assert "secret" not in diagnose(case).model_dump_json()


def test_the_timeline_holds_events_attempts_and_the_end_in_order(cases: Any) -> None:
    """With errors, waits and durations."""
    asked = cases().run.created_at
    event = Event(asked - timedelta(seconds=1), "settler.contract.uploaded", "settler")
    found = diagnose(cases((1, 2, "x.busy"), (5, 10, "x.busy"), error=cases.spent("x.busy"), events=[event]))
    assert [moment.what for moment in found.timeline] == [
        "event",
        "requested",
        "attempt 1 began",
        "attempt 1 failed",
        "attempt 2 began",
        "attempt 2 failed",
        "failed",
    ]
    assert found.timeline[3].detail == "after 1 s x.busy: it says why (the next one began 3 s later)"


def test_a_trace_of_many_events_gives_a_timeline_of_bounded_length(cases: Any) -> None:
    """What is left out is counted; the run's own moments stay."""
    asked = cases().run.created_at
    events = [Event(asked, "settler.contract.uploaded", "settler")] * 500
    found = diagnose(cases((1, 2, None), events=events))
    assert len(found.timeline) == MOST_MOMENTS + 1
    assert found.timeline[-2].what == "succeeded"
    assert "444 events and runs" in found.timeline[-1].detail


def test_of_very_many_attempts_the_first_and_the_last_are_listed(cases: Any) -> None:
    """And how many are not."""
    attempts = [(n, n + 0.5, "x.busy") for n in range(1, 101)]
    found = diagnose(cases(*attempts, error=cases.spent("x.busy"), ended=101))
    told = [moment.what for moment in found.timeline]
    assert len(told) <= MOST_MOMENTS
    assert [each for each in told if "began" in each][9:11] == ["attempt 10 began", "attempt 91 began"]
    assert "80 attempts more" in told


def test_a_failure_elsewhere_in_the_trace_does_not_spoil_a_run_that_succeeded(cases: Any) -> None:
    """It did not need it."""
    other = cases((1, 2, "x.busy"), error=cases.spent("x.busy"), ended=3).run.model_copy(update={"id": uuid4()})
    found = diagnose(cases((4, 5, None), others=[other]))
    assert (found.verdict, found.causes) == ("succeeded", [])


def test_a_scan_whose_findings_cannot_be_read_is_not_called_clean(cases: Any) -> None:
    """Another version of the scan may word them differently."""
    assert "Its findings cannot be read." in diagnose(cases((1, 2, None), template_key=SCAN)).summary


def test_another_run_of_the_trace_that_failed_before_is_a_possible_cause(cases: Any) -> None:
    """No more than that."""
    before = cases((1, 2, "x.busy"), error=cases.spent("x.busy"), ended=3).run
    other = before.model_copy(update={"id": uuid4(), "template_key": "aias.knowledge.index"})
    found = diagnose(cases((4, 5, "x.empty"), error=cases.error("x.empty"), others=[other]))
    assert {cause.code: cause.confidence for cause in found.causes}["trace.earlier_failure"] == "possible"


def test_a_dead_letter_that_is_no_position_gets_into_no_command(cases: Any) -> None:
    """Commands are there to be copied into a shell."""
    error = cases.error("job.attempts_exhausted", dead_letter="x/1@2; rm -rf .")
    assert "rm -rf" not in " ".join(diagnose(cases(error=error)).steps)


def test_a_long_message_is_cut_and_stays_in_one_line(cases: Any) -> None:
    """Outputs stay small."""
    found = diagnose(cases(error=cases.error("orders.strange", "line\n" * 400)))
    assert all(len(cause.evidence) < 350 and "\n" not in cause.evidence for cause in found.causes)
