"""What callers send that no app of ours would: instants beyond the calendar, foreign traces, broken list elements."""

import json
from typing import Any, cast

import pytest

from jobforge.chassis.spans import SpanContext, TraceScope, trace_scope
from jobforge.chassis.wire import Position
from jobforge.ingestion.batch import MAX_EVENTS, split
from jobforge.ingestion.refusal import Refusal

Door = Any
"""``DoorInMemory`` of conftest.py."""
EDGES = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")


@pytest.mark.parametrize("occurred_at", EDGES)
async def test_an_instant_that_utc_cannot_write_is_an_invalid_field_not_a_500(door: Door, occurred_at: str) -> None:
    """It parses, but no record could hold it."""
    response = await door.client.post("/v1/events", json={**door.event, "occurred_at": occurred_at})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/occurred_at"
    batch = await door.client.post("/v1/events:batch", json=[{**door.event, "occurred_at": occurred_at}, door.event])
    assert [one["status"] for one in batch.json()] == [422, 202]
    assert len(door.log.records(door.events)) == 1


async def test_a_callers_traceparent_is_a_link_of_the_send_span_not_lost(door: Door) -> None:
    """The trace stays the app's own; a broken header is ignored."""
    scopes: list[TraceScope | None] = []
    publish = door.plane.publisher.publish

    async def watched(*args: Any, **kwargs: Any) -> Position:
        scopes.append(trace_scope.get())
        return cast(Position, await publish(*args, **kwargs))

    door.plane.publisher.publish = watched
    theirs = SpanContext(0xAB, 0xCD)
    for path, body in (("/v1/events", door.event), ("/v1/jobs", door.job)):
        for header, links in ((theirs.traceparent(), (theirs,)), ("00-nonsense", ()), (None, ())):
            headers = {} if header is None else {"traceparent": header}
            assert (await door.client.post(path, json=body, headers=headers)).status_code == 202
            assert scopes.pop() == TraceScope("trace_1_abc", None, links)


@pytest.mark.parametrize("bad", [b"[" * 5000 + b"]" * 5000, b'"\\ud800"', b'"\xff"', b"9" * 5000, b"nonsense", b'"a]"'])
async def test_an_element_that_no_parser_takes_never_spoils_the_rest_of_its_list(door: Door, bad: bytes) -> None:
    """In a list as in lines: each event is judged for itself."""
    good = json.dumps({**door.event, "payload": {"text": 'a ] , " \\ {'}}).encode()
    body = b" [" + good + b',\n{"payload":' + bad + b"}, " + good + b"] "
    response = await door.client.post("/v1/events:batch", content=body)
    assert response.status_code == 207
    first, second, third = (one["status"] for one in response.json())
    assert (first, third) == (202, 202)
    assert second in (400, 422)


@pytest.mark.parametrize("body", [b"[", b"[[", b"[1,2", b"[NaN}x", b'["a', b"[x] y", b"[" * 100_000, b"[x]]"])
def test_what_is_no_list_at_all_is_refused_whole(body: bytes) -> None:
    """Nothing says where its elements end."""
    with pytest.raises(Refusal, match="neither lines of JSON nor a JSON list"):
        split(body)


def test_a_broken_list_of_too_many_is_still_too_many() -> None:
    """The limit is told before anything else is looked at."""
    with pytest.raises(Refusal, match=str(MAX_EVENTS)):
        split(b"[" + b"x," * MAX_EVENTS + b"x]")


async def test_a_nul_in_who_cancels_is_refused(door: Door) -> None:
    """It came through the address, past the check of bodies."""
    where = "/v1/jobs/7b1e4a52-6f5f-8c11-9f3e-0d4c86a8b1f2/cancel"
    response = await door.client.post(where, params={"tenant_id": "acme", "actor_id": "a\0b"})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/query/actor_id")
    assert door.log.records("jobforge.runs") == []


async def test_an_encoded_path_is_never_answered_with_a_redirect(door: Door) -> None:
    """A trailing slash is another address, and a `Location` made from what the caller sent is none."""
    for path in ("/v1/templates/", "/v1/templates/%2e%2e%2f"):
        response = await door.client.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "route.not_found")
