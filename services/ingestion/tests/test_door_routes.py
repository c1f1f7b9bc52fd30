"""Batches, cancellations, uploads, the catalog and its switches."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from jobforge.contracts.control import CONTROL
from jobforge.contracts.identity import run_key
from jobforge.contracts.runs import RunCancelRequested

Door = Any
"""``DoorInMemory`` of conftest.py."""


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("as_list", [False, True])
async def test_a_bad_event_never_spoils_the_rest_of_its_batch(door: Door, as_list: bool) -> None:
    """One outcome for each, in order, from lines or a list."""
    good = [{**door.event, "payload": {"number": number}} for number in range(3)]
    bad: list[Any] = [{**door.event, "zz": 1}, [1], {**door.event, "source_app": "stranger"}, {}]
    sent = [good[0], bad[0], bad[1], good[1], bad[2], bad[3], good[2]]
    lines = "\n".join(json.dumps(one) for one in sent) + "\n"
    if not as_list:
        lines = lines.replace("{}\n", '{"payload": NaN\n') + "\n\n"
    body = json.dumps(sent) if as_list else lines
    response = await door.client.post("/v1/events:batch", content=body)
    assert response.status_code == 207
    outcomes = response.json()
    assert [one["status"] for one in outcomes] == [202, 422, 422, 202, 422, 422 if as_list else 400, 202]
    assert all(one["error"]["code"] and one["event_id"] is None for one in outcomes if one["status"] != 202)
    assert all(one["error"] is None and one["event_id"] for one in outcomes if one["status"] == 202)
    written = [json.loads(record.value)["payload"]["number"] for record in door.log.records(door.events)]
    assert written == [0, 1, 2]


async def test_nan_in_a_json_list_is_that_events_problem(door: Door) -> None:
    """The list is readable; only the event is not exact."""
    event = json.dumps({**door.event, "payload": {"x": 1}})
    body = "[" + event.replace('"x": 1', '"x": NaN') + "," + event + "]"
    outcomes = (await door.client.post("/v1/events:batch", content=body)).json()
    assert [one["status"] for one in outcomes] == [422, 202]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"[]", 400), (b"[{", 400), (b"{}\n" * 1001, 413), (b"[" + b" " * (16 * 1024 * 1024), 413)],
)
async def test_a_batch_that_cannot_be_read_as_one_is_refused_whole(door: Door, body: bytes, status: int) -> None:
    """Empty, malformed, too many, too large."""
    assert (await door.client.post("/v1/events:batch", content=body)).status_code == status


async def test_a_batch_while_kafka_is_down_says_so_for_each_event(door: Door) -> None:
    """Each outcome is a 503 of its own."""
    door.log.down = True
    response = await door.client.post("/v1/events:batch", content=json.dumps([door.event] * 3))
    assert [one["status"] for one in response.json()] == [503, 503, 503]


async def test_a_cancellation_is_kept_among_the_runs_records(door: Door) -> None:
    """202 for a run that nobody knows yet, on the partition of its other records."""
    run_id = uuid4()
    response = await door.client.post(f"/v1/jobs/{run_id}/cancel", params={"tenant_id": "acme", "actor_id": "ann"})
    assert response.status_code == 202
    [record] = door.log.records("jobforge.runs")
    wish = RunCancelRequested.model_validate_json(record.value)
    assert (record.key, wish.run_id, wish.actor_id) == (run_key("acme", run_id), run_id, "ann")
    assert (await door.client.post("/v1/jobs/nonsense/cancel", params={"tenant_id": "acme"})).status_code == 422
    assert (await door.client.post(f"/v1/jobs/{run_id}/cancel")).status_code == 422


async def test_an_upload_is_stored_and_described(door: Door) -> None:
    """201 with size and digest; the same id again replaces it."""
    for data in (b"first", b"second version"):
        response = await door.client.put(
            "/v1/objects/contract/c-17",
            params={"tenant_id": "acme"},
            content=data,
            headers={"Content-Type": "text/plain"},
        )
        assert response.status_code == 201
        assert response.json() == {
            "kind": "contract",
            "object_id": "c-17",
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "content_type": "text/plain",
        }
    stored = await door.plane.objects.read_object("acme", "contract", "c-17")
    assert stored.data == b"second version"
    assert await door.plane.objects.read_object("zen", "contract", "c-17") is None


@pytest.mark.parametrize("said", ["text/plain", 'application/pdf; name="a b"', "image/svg+xml;charset=utf-8"])
async def test_a_media_type_is_kept_as_it_was_said(door: Door, said: str) -> None:
    """Parameters too."""
    response = await door.client.put(
        "/v1/objects/contract/c-17", params={"tenant_id": "acme"}, content=b"x", headers={"Content-Type": said}
    )
    assert response.json()["content_type"] == said


@pytest.mark.parametrize("said", [b"", b"pdf", b"text/plain\tx", b"text/\x01", b"text/\xe9", b"a/b;" + b"c" * 200])
async def test_what_is_no_media_type_is_refused_and_stores_nothing(door: Door, tmp_path: Path, said: bytes) -> None:
    """It would be handed to whoever reads the object, in a header of its own."""
    response = await door.client.put(
        "/v1/objects/contract/c-17", params={"tenant_id": "acme"}, content=b"x", headers={b"Content-Type": said}
    )
    assert (response.status_code, response.json()["code"]) == (400, "object.content_type_invalid")
    assert files_in(tmp_path) == []


async def test_an_upload_over_the_limit_is_413_and_stores_nothing(small_door: Door, tmp_path: Path) -> None:
    """While streaming as well as by its told length."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 1000

    for content in (pieces(), b"x" * 20_000):
        response = await small_door.client.put("/v1/objects/asset/a-1", params={"tenant_id": "acme"}, content=content)
        assert response.status_code == 413
        assert "10000" in response.json()["detail"]
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "tenant"),
    [
        ("/v1/objects/contract/..", "acme"),
        ("/v1/objects/contract/%2e%2e%2fetc", "acme"),
        ("/v1/objects/contract/a%00b", "acme"),
        ("/v1/objects/secret/c-17", "acme"),
        ("/v1/objects/contract/c-17", "../other"),
        ("/v1/objects/contract/c-17", ""),
        ("/v1/objects/contract/" + "a" * 200, "acme"),
    ],
)
async def test_absurd_object_names_are_refused(door: Door, tmp_path: Path, path: str, tenant: str) -> None:
    """Never a path outside, nothing stored."""
    response = await door.client.put(path, params={"tenant_id": tenant}, content=b"x")
    assert response.status_code in (404, 405, 422)
    assert response.headers["content-type"] == "application/problem+json"
    assert files_in(tmp_path) == []


async def test_the_catalog_shows_each_template_and_whether_it_is_on(door: Door) -> None:
    """Schemas and limits as announced."""
    listed = (await door.client.get("/v1/templates")).json()["templates"]
    assert [one["template_key"] for one in listed] == sorted(one["template_key"] for one in listed)
    one = (await door.client.get("/v1/templates/settler.contract.process")).json()
    assert one in listed
    assert (one["version"], one["effects"], one["attempts"], one["enabled"]) == ("3", "pure", 3, True)
    assert one["input_schema"]["required"] == ["contract_id", "analysis_type"]
    assert (await door.client.get("/v1/templates/settler.contract.nothing")).status_code == 404


async def test_switches_are_written_to_control_and_hold_at_once(door: Door) -> None:
    """A read right after the answer sees the switch, and so will every other service."""
    off = await door.client.put("/v1/templates/settler.contract.process", json={"enabled": False})
    assert off.json() == {"name": "settler.contract.process", "enabled": False}
    assert (await door.client.post("/v1/jobs", json=door.job)).json()["code"] == "template.disabled"
    await door.client.put("/v1/flags/JOBFORGE_EVENTS_ENABLED", json={"enabled": False})
    assert (await door.client.get("/v1/flags")).json()["flags"]["JOBFORGE_EVENTS_ENABLED"] is False
    keys = [record.key for record in door.log.records("jobforge.control")]
    assert keys == [b"enablement:settler.contract.process", b"flag:JOBFORGE_EVENTS_ENABLED"]
    assert all(CONTROL.validate_json(record.value) for record in door.log.records("jobforge.control"))


@pytest.mark.parametrize("path", ["/v1/flags/JOBFORGE_EVENTS_ENABLED", "/v1/templates/settler.contract.process"])
async def test_switches_are_closed_outside_the_development_profile(strict_door: Door, path: str) -> None:
    """Without authentication nobody may switch a production plane over HTTP."""
    response = await strict_door.client.put(path, json={"enabled": True})
    assert response.status_code == 403
    assert response.json()["code"] == "profile.production"
    assert not strict_door.log.records("jobforge.control")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/flags/JOBFORGE_POLICY_TOKEN_SECRET", {"enabled": True}, 404),
        ("/v1/flags/JOBFORGE_EVENTS_ENABLED", {"enabled": "yes"}, 422),
        ("/v1/flags/JOBFORGE_EVENTS_ENABLED", {"enabled": True, "x": 1}, 422),
        ("/v1/templates/settler.contract.nothing", {"enabled": True}, 404),
    ],
)
async def test_a_switch_that_is_none_is_refused(door: Door, path: str, body: Any, status: int) -> None:
    """No such flag or template, no such value."""
    assert (await door.client.put(path, json=body)).status_code == status
