"""What is done about an unfinished run, and above all what is not."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobforge.scheduler.rows import Accepted, Begun, Lived, OpenRun
from jobforge.scheduler.verdicts import (
    Close,
    Forget,
    LookAgain,
    Patience,
    Republish,
    Republished,
    Search,
    Verdict,
    decide,
)

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN_ID = UUID(int=7)
PATIENCE = Patience()


def after(seconds: float) -> datetime:
    """That long after the request."""
    return AT + timedelta(seconds=seconds)


def a_run(status: Any = None, *, attempt: int = 0, deadline: float | None = None, **more: Any) -> OpenRun:
    """An unfinished run; a running one began one second after its request."""
    start = Begun(
        number=attempt,
        claim="c",
        worker="w",
        started_at=after(1),
        deadline=None if deadline is None else after(deadline),
    )
    fields: dict[str, Any] = {
        "tenant_id": "acme",
        "run_id": RUN_ID,
        "request": Accepted(template_key="echo.message.reply", requested_at=AT, topic="jobforge.jobs.echo", offset=3),
        "lived": Lived(status=status, attempt=attempt, starts=(start,) if attempt else ()),
        "ended": False,
        "cancel": False,
        **more,
    }
    return OpenRun(**fields)


def verdict(run: OpenRun, seconds: float, **more: Any) -> Verdict:
    """At that long after the request, on a calm day without a lease unless told otherwise."""
    known: dict[str, Any] = {"held": False, "settled": True, "patience": PATIENCE, **more}
    return decide(run, now=after(seconds), **known)


def expiring(seconds: float) -> Accepted:
    """A request with a queue deadline."""
    return Accepted(template_key="echo.message.reply", requested_at=AT, start_by=after(seconds))


@pytest.mark.parametrize("run", [a_run(), a_run("retrying", attempt=1)])
def test_a_canceled_run_that_waits_is_ended_at_once(run: OpenRun) -> None:
    """Also soon after a start: nobody is wronged who asked for it."""
    canceled = OpenRun(run.tenant_id, run.run_id, run.request, run.lived, ended=False, cancel=True)
    assert verdict(canceled, 1, settled=False).code == "job.canceled"  # type: ignore[union-attr]
    assert verdict(canceled, 1, held=True) == LookAgain(after(6))


def test_a_running_run_is_canceled_by_its_worker() -> None:
    """The scheduler only looks again once its time is over."""
    run = a_run("running", attempt=1, deadline=60, cancel=True)
    assert verdict(run, 30) == LookAgain(after(90))
    assert verdict(run, 91).code == "job.canceled"  # type: ignore[union-attr]


def test_a_run_whose_worker_vanished_ends_30_seconds_after_its_deadline() -> None:
    """Not a moment before, and its message says why."""
    run = a_run("running", attempt=1, deadline=60)
    assert verdict(run, 90) == LookAgain(after(90))
    closed = verdict(run, 90.001)
    assert isinstance(closed, Close)
    assert (closed.code, "its worker vanished" in closed.message) == ("job.timeout", True)


@pytest.mark.parametrize("known", [{"held": True}, {"settled": False}])
def test_nobody_times_out_under_a_lease_or_while_leases_may_be_missing(known: dict[str, bool]) -> None:
    """A worker that is late is not a worker that vanished."""
    assert verdict(a_run("running", attempt=1, deadline=60), 9999, **known) == LookAgain(after(10004))


def test_a_run_without_a_deadline_never_times_out() -> None:
    """It began under a worker that did not say one."""
    assert isinstance(verdict(a_run("running", attempt=1), 10**6), LookAgain)


def test_a_run_that_nobody_began_in_time_expires() -> None:
    """Only if a queue deadline was asked for, and only if no attempt ever began."""
    assert verdict(a_run(request=expiring(20)), 20).code == "job.expired"  # type: ignore[union-attr]
    assert verdict(a_run(request=expiring(20)), 19) == LookAgain(after(20))
    assert verdict(a_run(request=expiring(20)), 25, held=True) == LookAgain(after(30))
    assert verdict(a_run("retrying", attempt=1, request=expiring(20)), 50) == Search()


def test_a_request_that_nobody_will_read_is_put_back_three_times_and_then_lost() -> None:
    """With rests of 60, 120 and 240 s."""
    run, at = a_run(), 60.0
    for count, rest in ((1, 60), (2, 120), (3, 240)):
        tried = Republished(count - 1, after(at))
        assert verdict(run, at - 1, republished=tried) == LookAgain(after(at))
        assert verdict(run, at, republished=tried) == Search()
        assert verdict(run, at, republished=tried, whereabouts="nowhere") == Republish(count)
        assert PATIENCE.after(count) == timedelta(seconds=rest)
        at += rest
    lost = verdict(run, at, republished=Republished(3, after(at)), whereabouts="nowhere")
    assert isinstance(lost, Close)
    assert lost.code == "job.lost"


def test_a_request_that_waits_is_left_alone_however_long() -> None:
    """A long queue is no loss."""
    assert verdict(a_run(), 10**6, whereabouts="waiting") == LookAgain(after(10**6 + 30))


def test_an_ended_run_is_forgotten_and_so_is_one_without_a_row() -> None:
    """They need no more looks."""
    assert verdict(a_run("succeeded", attempt=1, ended=True), 5) == Forget()
    assert verdict(a_run(request=None), 5) == Forget()


runs = st.builds(
    a_run,
    st.sampled_from([None, "running", "retrying"]),
    attempt=st.integers(0, 3),
    deadline=st.none() | st.floats(1, 10**6),
    cancel=st.booleans(),
    request=st.builds(expiring, st.floats(1, 10**6)) | st.just(a_run().request),
)


@given(
    runs,
    st.floats(0, 10**7),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["unasked", "waiting", "nowhere"]),
    st.data(),
)
def test_whatever_is_known_of_a_run_the_promises_hold(
    run: OpenRun, seconds: float, held: bool, settled: bool, whereabouts: Any, data: st.DataObject
) -> None:
    """Never ended under a lease; never timed out unstarted; a look put off is in the future and never far away."""
    tried = Republished(data.draw(st.integers(0, 4)), after(data.draw(st.floats(0, 10**7))))
    found = verdict(run, seconds, held=held, settled=settled, whereabouts=whereabouts, republished=tried)
    if isinstance(found, Close):
        assert not held
        assert settled or found.code == "job.canceled"
        assert found.code != "job.timeout" or (run.started and run.deadline is not None)
        assert found.code != "job.expired" or not run.started
        assert found.code != "job.canceled" or run.cancel
        assert found.code != "job.lost" or (whereabouts == "nowhere" and tried.count >= 3)
    if isinstance(found, Republish):
        assert not held
        assert settled
        assert whereabouts == "nowhere"
    if isinstance(found, LookAgain):
        assert after(seconds) <= found.at <= after(seconds) + timedelta(minutes=10)
