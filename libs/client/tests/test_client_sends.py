"""What both clients promise of sending."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.responses import Response

from jobforge.client import (
    JobForgeClient,
    JobForgeConflict,
    JobForgeDisabled,
    JobForgeError,
    JobForgeInvalid,
    JobForgeNotFound,
    JobForgeQuotaExceeded,
    JobForgeTimeout,
    JobForgeUnavailable,
    generate_trace_id,
)
from jobforge.client.flows import chunks
from jobforge.testkit.doors import FakePlane, problem

EVENT: dict[str, Any] = {
    "tenant_id": "acme",
    "event_type": "settler.contract.uploaded",
    "trace_id": "trace_1_abc",
    "source_app": "settler",
}
REQUEST: dict[str, Any] = {"tenant_id": "acme", "template_key": "echo.text.repeat"}


def test_an_event_is_sent_with_its_identity_and_moment(client: Any, plane: FakePlane) -> None:
    """The client always sends event_id (a UUIDv7) and occurred_at, and nothing that was not given."""
    receipt = client.submit_event(**EVENT, subject={"type": "contract", "id": "c-1"}, payload={"n": 1})
    body = json.loads(plane.seen[-1].body)
    assert receipt.trace_id == "trace_1_abc"
    assert receipt.audit_id is None
    assert UUID(body["event_id"]).version == 7 == receipt.event_id.version
    assert body["occurred_at"].endswith("Z")
    assert body["payload"] == {"n": 1}
    assert "project_id" not in body


def test_a_send_that_gets_503_is_repeated_with_the_same_key(client: Any, plane: FakePlane) -> None:
    """Repeats name the same run, so that it exists once."""
    plane.fault(503, retry_after="0")
    plane.fault(503, code="plane.rebuilding")
    result = client.request_job(**REQUEST)
    keys = {seen.headers["idempotency-key"] for seen in plane.seen}
    assert len(plane.seen) == 3
    assert len(keys) == 1
    assert UUID(keys.pop()).version == 7
    assert list(plane.jobs) == [result.job.id]


def test_a_send_that_gets_no_answer_is_repeated_with_the_same_key(
    plane: FakePlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence is no answer: the same key goes out again within the client's timeout."""
    monkeypatch.setattr("jobforge.client.repeats.ATTEMPT", 0.3)
    plane.faults.append(2.0)
    with JobForgeClient(url=plane.url, timeout=5) as client:
        result = client.request_job(**REQUEST)
    assert len({seen.headers["idempotency-key"] for seen in plane.seen}) == 1
    assert len(plane.seen) >= 2
    assert list(plane.jobs) == [result.job.id]


def test_retry_after_beyond_the_timeout_is_not_waited_for(client: Any, plane: FakePlane) -> None:
    """The plane's wish to be asked in an hour ends the call at once, and is told to the caller."""
    plane.fault(503, retry_after="3600")
    with pytest.raises(JobForgeUnavailable) as caught:
        client.submit_event(**EVENT)
    assert caught.value.retry_after == 3600
    assert len(plane.seen) == 1


def test_an_own_key_names_the_same_run(client: Any) -> None:
    """The same idempotency_key gives the same run."""
    first = client.request_job(**REQUEST, idempotency_key="order-7")
    assert client.request_job(**REQUEST, idempotency_key="order-7").job.id == first.job.id
    assert client.request_job(**REQUEST, idempotency_key="order-8").job.id != first.job.id


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, JobForgeInvalid),
        (404, JobForgeNotFound),
        (409, JobForgeConflict),
        (413, JobForgeInvalid),
        (422, JobForgeInvalid),
        (429, JobForgeQuotaExceeded),
        (500, JobForgeError),
    ],
)
def test_each_refusal_has_its_error(client: Any, plane: FakePlane, status: int, kind: type[JobForgeError]) -> None:
    """An error carries code, status, message and the whole problem; it is not tried again."""
    plane.fault(status, code="some.code")
    with pytest.raises(kind) as caught:
        client.request_job(**REQUEST)
    error = caught.value
    assert (error.code, error.status, error.message) == ("some.code", status, "the plane cannot take this now")
    assert error.problem is not None
    assert str(error) == error.message
    assert len(plane.seen) == 1


def test_disabled_features_say_so_in_the_words_that_apps_look_for(client: Any, plane: FakePlane) -> None:
    """Both messages hold ``disabled``."""
    plane.flags["JOBFORGE_EVENTS_ENABLED"] = False
    plane.disabled.add("echo.text.repeat")
    with pytest.raises(JobForgeDisabled, match=r"Event ingestion is disabled \(JOBFORGE_EVENTS_ENABLED\)"):
        client.submit_event(**EVENT)
    with pytest.raises(JobForgeDisabled, match=r"Template is disabled: echo\.text\.repeat"):
        client.request_job(**REQUEST)


def test_invalid_input_names_each_field(client: Any) -> None:
    """``errors`` holds a pointer and a message for each wrong field."""
    with pytest.raises(JobForgeInvalid) as caught:
        client.submit_event(**{**EVENT, "tenant_id": "../etc", "trace_id": ""})
    assert {each.pointer for each in caught.value.errors} == {"/tenant_id", "/trace_id"}


def test_what_json_cannot_carry_is_refused_before_it_is_sent(client: Any, plane: FakePlane) -> None:
    """A payload that is not JSON is the caller's error, named as such."""
    with pytest.raises(JobForgeInvalid) as caught:
        client.submit_event(**EVENT, payload={"x": object()})
    assert caught.value.code == "client.not_json"
    assert plane.seen == []


def test_a_proxys_page_is_an_error_and_not_a_crash(client: Any, plane: FakePlane) -> None:
    """An answer without a problem document still gives a JobForgeError with its status."""
    plane.faults.append(Response("<html>teapot</html>", 418))
    with pytest.raises(JobForgeError) as caught:
        client.submit_event(**EVENT)
    assert (caught.value.status, caught.value.code) == (418, "http.418")


def test_nothing_there_is_unavailable_and_names_the_variable() -> None:
    """A refused connection names the address and the variable to change."""
    with JobForgeClient(url="http://127.0.0.1:9", timeout=0.3) as client, pytest.raises(JobForgeUnavailable) as caught:
        client.submit_event(**EVENT)
    assert caught.value.code == "client.unreachable"
    assert "http://127.0.0.1:9 (JOBFORGE_URL)" in caught.value.message


def test_many_events_travel_in_chunks_and_a_bad_one_spoils_none(client: Any, plane: FakePlane) -> None:
    """1,500 events are two requests; outcomes come in order."""
    events = [{**EVENT, "event_id": str(uuid4()), "payload": {"n": n}} for n in range(1500)]
    events[3] = {**events[3], "tenant_id": "/"}
    outcomes = client.submit_events(iter(events))
    assert [seen.path for seen in plane.seen] == ["/v1/events:batch"] * 2
    assert [str(outcome.event_id) for outcome in outcomes] == [event["event_id"] for event in events]
    assert [n for n, outcome in enumerate(outcomes) if not outcome.accepted] == [3]
    assert outcomes[3].error.code == "event.invalid"
    assert len(plane.events) == 1499


def test_chunks_hold_at_most_16_mib() -> None:
    """Large events make smaller chunks; one too large for any goes alone."""
    mib = 1024 * 1024
    sizes = [[len(line) for line in group] for group in chunks([b"x" * (6 * mib)] * 3 + [b"y" * (17 * mib)] + [b"z"])]
    assert sizes == [[6 * mib, 6 * mib], [6 * mib], [17 * mib], [1]]


def test_an_event_too_large_for_a_batch_has_its_own_outcome(client: Any, plane: FakePlane) -> None:
    """413 for a chunk of one is that event's outcome."""
    plane.faults.append(problem(413, "request.too_large", "too large"))
    (outcome,) = client.submit_events([EVENT])
    assert (outcome.status, outcome.error.code) == (413, "request.too_large")


def test_a_file_is_streamed_and_named_by_its_type(client: Any, plane: FakePlane, tmp_path: Path) -> None:
    """A path is uploaded as its bytes with its length and guessed type; bytes go as they are; repeats start anew."""
    file = tmp_path / "deed.pdf"
    file.write_bytes(b"%PDF" + bytes(200_000))
    plane.fault(503, retry_after="0")
    receipt = client.put_object("contract", "deed", file, tenant_id="acme")
    assert plane.objects["acme", "contract", "deed"] == ("application/pdf", file.read_bytes())
    assert receipt.size == file.stat().st_size == int(plane.seen[-1].headers["content-length"])
    client.put_object("asset", "raw", b"123", tenant_id="acme", content_type="image/png")
    assert plane.objects["acme", "asset", "raw"] == ("image/png", b"123")


def test_an_id_never_becomes_another_path(client: Any, plane: FakePlane) -> None:
    """Separators are quoted and dot segments refused."""
    with pytest.raises(JobForgeNotFound):
        client.put_object("asset", "../contract/b?tenant_id=other", b"", tenant_id="acme")
    assert plane.objects == {}
    with pytest.raises(JobForgeInvalid, match="cannot be part of an address"):
        client.put_object("asset", "..", b"", tenant_id="acme")


def test_switches_reach_the_plane(client: Any, plane: FakePlane) -> None:
    """Flags and templates can be turned on and off."""
    client.set_flag("JOBFORGE_TRIGGERS_ENABLED", True)
    client.set_template("echo.text.repeat", False)
    assert client.get_flags()["JOBFORGE_TRIGGERS_ENABLED"] is True
    assert plane.disabled == {"echo.text.repeat"}


def test_an_api_key_travels_as_a_bearer_token(plane: FakePlane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given or from the environment."""
    monkeypatch.setenv("JOBFORGE_API_KEY", "k-1")
    with JobForgeClient(url=plane.url) as client:
        client.get_flags()
    assert plane.seen[-1].headers["authorization"] == "Bearer k-1"


def test_a_call_ends_within_the_timeout(plane: FakePlane) -> None:
    """When nothing but 503 comes, the last 503 is raised."""
    for _ in range(50):
        plane.fault(503, retry_after="0")
    with JobForgeClient(url=plane.url, timeout=0.5) as client, pytest.raises((JobForgeUnavailable, JobForgeTimeout)):
        client.request_job(**REQUEST, trace_id=generate_trace_id())
    assert 1 < len(plane.seen) < 50


def test_a_key_or_type_that_no_header_can_carry_is_told_at_once_not_repeated(client: Any, plane: FakePlane) -> None:
    """It looked like a lost connection, and was repeated until the time was up."""
    before = len(plane.seen)
    for key in ("a\nb", "é"):
        with pytest.raises(JobForgeInvalid, match="visible ASCII"):
            client.request_job(**REQUEST, idempotency_key=key)
    with pytest.raises(JobForgeInvalid, match="visible ASCII"):
        client.put_object("contract", "c-1", b"x", tenant_id="acme", content_type="a\r\nb: c")
    assert len(plane.seen) == before
