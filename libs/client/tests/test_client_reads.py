"""What both clients promise of reading, waiting and watching."""

import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.responses import Response

from jobforge.client import (
    JobForgeError,
    JobForgeNotFound,
    JobForgeTimeout,
    JobForgeUnexpectedAnswer,
    generate_manifest_report,
)
from jobforge.testkit.doors import FakePlane, Result

KEY = "echo.text.repeat"
REQUEST: dict[str, Any] = {"tenant_id": "acme", "template_key": KEY}


def when(plane: FakePlane, condition: Any, act: Any) -> threading.Thread:
    """Does something as soon as a condition on the plane holds, while the test's thread waits in a call."""

    def follow() -> None:
        tick = threading.Event()
        while not condition():
            tick.wait(0.005)
        act()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    return thread


def test_an_unknown_run_is_none_and_so_is_anothers(client: Any) -> None:
    """Only 404 run.not_found is None."""
    job = client.request_job(**REQUEST).job
    assert client.get_job(uuid4(), "acme") is None
    assert client.get_job(job.id, "other") is None
    assert client.get_run_manifest(run_id=job.id, tenant_id="other") is None
    assert client.get_job(str(job.id), "acme").status == "queued"


def test_any_other_404_is_an_error(client: Any, plane: FakePlane) -> None:
    """A wrong address must not look like an unknown run."""
    plane.faults.append(Response("no such page", 404))
    with pytest.raises(JobForgeNotFound, match="JOBFORGE_QUERY_URL") as caught:
        client.get_job(uuid4(), "acme")
    assert caught.value.code == "client.wrong_door"


def test_wait_returns_when_the_run_ends(client: Any, plane: FakePlane) -> None:
    """The plane holds the question: one run, a few questions, no polling."""
    job = client.request_job(**REQUEST).job
    asked = len(plane.seen)
    when(plane, lambda: len(plane.seen) > asked, lambda: plane.advance(job.id, status="succeeded"))
    ended = client.wait(job.id, "acme", timeout=10)
    assert ended.status == "succeeded"
    assert ended.is_terminal
    assert len(plane.seen) - asked <= 2


def test_wait_polls_with_backoff_where_questions_are_not_held(client: Any, plane: FakePlane) -> None:
    """Without long polls a wait asks less and less often, and still ends."""
    plane.holds_polls = False
    job = client.request_job(**REQUEST).job
    asked = len(plane.seen)
    when(plane, lambda: len(plane.seen) >= asked + 4, lambda: plane.advance(job.id, status="failed"))
    assert client.wait(job.id, "acme", timeout=10).status == "failed"
    assert len(plane.seen) - asked <= 8


def test_wait_outlives_a_door_that_restarts(client: Any, plane: FakePlane) -> None:
    """503 while waiting is not the end of waiting."""
    plane.results[KEY] = Result()
    job = client.request_job(**REQUEST).job
    plane.fault(503)
    plane.fault(503, retry_after="0")
    assert client.wait(job.id, "acme").status == "succeeded"


def test_wait_gives_up_after_its_timeout(client: Any) -> None:
    """The error names the last known state."""
    job = client.request_job(**REQUEST).job
    with pytest.raises(JobForgeTimeout, match=r"still queued after 0\.3 s") as caught:
        client.wait(job.id, "acme", timeout=0.3)
    assert caught.value.job.id == job.id


def test_waiting_for_an_unknown_run_fails_at_once(client: Any) -> None:
    """There is nothing to wait for."""
    with pytest.raises(JobForgeNotFound):
        client.wait(uuid4(), "acme", timeout=30)


def test_watch_gives_every_state_once_through_broken_connections(client: Any, plane: FakePlane) -> None:
    """Each stream breaks after one event; the next resumes after the last seen id."""
    plane.breaks_streams_after = 1
    plane.results[KEY] = Result()
    job = client.request_job(**REQUEST).job
    states = list(client.watch(job.id, "acme"))
    assert [state.status for state in states] == ["queued", "running", "running", "succeeded"]
    assert states[2].progress.fraction == 0.5
    assert [seen.headers.get("last-event-id") for seen in plane.seen[1:]] == [None, "0", "1", "2"]


def test_watching_survives_503_but_not_a_refusal(client: Any, plane: FakePlane) -> None:
    """A rebuilding view is waited for; an unknown run ends the watch."""
    plane.results[KEY] = Result()
    job = client.request_job(**REQUEST).job
    plane.fault(503, code="view.rebuilding", retry_after="0")
    assert [state.status for state in client.watch(job.id, "acme")][-1] == "succeeded"
    with pytest.raises(JobForgeNotFound):
        list(client.watch(uuid4(), "acme"))


def test_a_watch_can_be_left_early(client: Any) -> None:
    """Leaving after the first state closes the stream."""
    job = client.request_job(**REQUEST).job
    assert next(iter(client.watch(job.id, "acme"))).status == "queued"


def test_runs_and_events_come_in_pages(client: Any, plane: FakePlane) -> None:
    """A page iterates over what it holds and names the next."""
    for number in range(3):
        client.request_job(**REQUEST, trace_id=f"t-{number}")
    page = client.list_runs(tenant_id="acme", template_key=KEY, limit=2)
    rest = client.list_runs(tenant_id="acme", limit=2, cursor=page.next_cursor)
    assert [job.trace_id for job in (*page, *rest)] == ["t-2", "t-1", "t-0"]
    assert rest.next_cursor is None
    client.submit_event(tenant_id="acme", event_type="a.b", trace_id="t-0", source_app="settler")
    (event,) = client.list_events(tenant_id="acme", event_type="a.b")
    assert event.trace_id == "t-0"
    story = client.get_trace("t-0", "acme")
    assert [entry.kind for entry in story.entries] == ["event", "run"]
    assert client.cancel_job(story.entries[1].run.id, "acme").cancel_requested


def test_a_manifest_and_its_report(client: Any, plane: FakePlane) -> None:
    """A pending manifest has no digest; a complete one makes a report."""
    job = client.request_job(**REQUEST, inputs={"text": "hello"}).job
    assert client.get_run_manifest(run_id=job.id, tenant_id="acme").digest is None
    plane.results[KEY] = Result(outputs={"text": "hello hello"})
    plane.advance(job.id, status="succeeded")
    manifest = client.get_run_manifest(run_id=job.id, tenant_id="acme")
    assert manifest.status == "complete"
    assert "hello hello" in generate_manifest_report(manifest)
    assert client.get_report(job.id, "acme", format="html") == f"report of {job.id}"


def test_artifacts_are_checked_against_their_digest(client: Any, plane: FakePlane, tmp_path: Path) -> None:
    """Whole bytes or an error; a file appears only whole."""
    plane.results[KEY] = Result(artifacts={"a.bin": ("application/octet-stream", bytes(range(256)) * 1000)})
    job = client.request_job(**REQUEST).job
    assert client.get_artifact(job.id, "a.bin", "acme") == bytes(range(256)) * 1000
    saved = client.save_artifact(job.id, "a.bin", tmp_path / "a.bin", "acme")
    assert saved.read_bytes() == bytes(range(256)) * 1000
    for _ in range(2):
        plane.faults.append(Response(b"damaged", headers={"etag": f'"{"0" * 64}"'}))
    with pytest.raises(JobForgeUnexpectedAnswer, match="damaged"):
        client.get_artifact(job.id, "a.bin", "acme")
    with pytest.raises(JobForgeUnexpectedAnswer, match="damaged"):
        client.save_artifact(job.id, "a.bin", tmp_path / "b.bin", "acme")
    with pytest.raises(JobForgeError):
        client.save_artifact(job.id, "none", tmp_path / "c.bin", "acme")
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_what_is_not_jobforge_is_named(client: Any, plane: FakePlane) -> None:
    """A 200 that is no job is an error with the address in it."""
    plane.faults.append(Response("<html>welcome</html>", 200))
    with pytest.raises(JobForgeUnexpectedAnswer, match=plane.url):
        client.get_job(uuid4(), "acme")


def test_templates_are_listed_with_their_schemas(client: Any, plane: FakePlane) -> None:
    """Each template has its key, schemas and whether it is on."""
    plane.results[KEY] = Result()
    (template,) = client.list_templates()
    assert (template.template_key, template.enabled) == (KEY, True)
    assert template == client.get_template(KEY)
    with pytest.raises(JobForgeNotFound):
        client.get_template("no.such.template")
