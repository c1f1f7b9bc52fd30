"""What cannot be written as it is holds nobody up: it is refused, or set aside cut, and the next one is taken."""

import asyncio
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from jobforge.chassis.wire import Partition
from jobforge.contracts.dead_letter import REASON, VALUE_BYTES, VALUE_NULL, VALUE_SHA256, added_headers
from jobforge.ingestion.app import inbox_reader

Door = Any
"""``DoorInMemory`` of conftest.py."""
TOPIC, REJECTED = "jobforge.inbox.settler", "jobforge.rejected"
PERSONAL = {"contains_pii": True, "payload": {"values": [1] * 250_000}}
"""Each ``1,`` becomes ``"[REDACTED]",``."""
ROUND = {"values": [10**15] * 150_000}


def large_numbers(door: Door) -> bytes:
    """An event whose numbers are written with four times as many letters."""
    written = json.dumps({**door.event, "payload": ROUND}, separators=(",", ":"))
    return written.replace(str(10**15), "1e15").encode()


async def read(door: Door, *values: bytes | None) -> list[dict[str, str]]:
    """Let ingestion read these from settler's inbox, all of them; what it said of what it set aside."""
    for value in values:
        door.log.append(TOPIC, None, value, (), 0)
    reader = inbox_reader(door.settings, door.plane, _cluster_id, back_off=0.01)
    async with door.log.member(group="ingestion", topics=[TOPIC], reader=reader):
        await _until(lambda: door.log.committed("ingestion", Partition(TOPIC, 0)) == len(values))
    return [dict(added_headers(record.headers)) for record in door.log.records(REJECTED)]


async def test_an_inbox_record_with_neither_key_nor_value_does_not_stop_its_partition(door: Door) -> None:
    """And what stood before it in its wave is published once."""
    event = json.dumps({**door.event, "kind": "event"}).encode()
    [said] = await read(door, event, None, event)
    assert (said[REASON], said[VALUE_NULL]) == ("record.malformed", "true")
    [record] = door.log.records(REJECTED)
    assert (record.key, record.value) == (None, b"")
    assert len(door.log.records(door.events)) == 2


async def test_an_inbox_record_too_large_to_be_set_aside_does_not_stop_its_partition(door: Door) -> None:
    """An inbox counts compressed bytes: what is larger than any topic takes is cut, and its digest is told."""
    value = json.dumps({**door.event, "kind": "event", "payload": {"text": "x" * 3_000_000}}).encode()
    [said] = await read(door, value, json.dumps({**door.event, "kind": "event"}).encode())
    assert said[REASON] == "request.too_large"
    assert (said[VALUE_BYTES], said[VALUE_SHA256]) == (str(len(value)), sha256(value).hexdigest())
    [record] = door.log.records(REJECTED)
    assert record.value
    assert value.startswith(record.value)
    assert len(door.log.records(door.events)) == 1


async def test_an_inbox_record_that_redaction_makes_too_large_does_not_stop_its_partition(wide_door: Door) -> None:
    """It is set aside whole, and those before and behind it are published."""
    good, large = ({**wide_door.event, "kind": "event", **more} for more in ({}, PERSONAL))
    values = [json.dumps(each).encode() for each in (good, large, good)]
    [said] = await read(wide_door, *values)
    assert (said[REASON], VALUE_BYTES in said) == ("request.too_large", False)
    assert "redaction" in said["jobforge-detail"]
    [record] = wide_door.log.records(REJECTED)
    assert record.value == values[1]
    assert len(wide_door.log.records(wide_door.events)) == 2


async def test_a_request_that_grows_too_large_to_write_is_refused_and_not_asked_to_come_again(wide_door: Door) -> None:
    """413, whether it grew by redaction or by the way its numbers are written; nothing is published."""
    for body in (json.dumps({**wide_door.event, **PERSONAL}).encode(), large_numbers(wide_door)):
        answer = await wide_door.client.post("/v1/events", content=body)
        assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")
        assert "larger than Kafka takes" in answer.json()["detail"]
        assert "retry-after" not in answer.headers
    assert wide_door.log.records(wide_door.events) == []


async def test_a_job_that_leaves_no_room_for_what_its_next_try_adds_is_refused(wide_door: Door) -> None:
    """Its record would be written, and could never wait for another try: retry topics take no more than its own."""
    body = json.dumps({**wide_door.job, "inputs": {**wide_door.job["inputs"], "pages": [10**15] * 110_000}})
    answer = await wide_door.client.post(
        "/v1/jobs", content=body.replace(str(10**15), "1e15").replace(" ", "").encode()
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")
    assert wide_door.log.records(wide_door.jobs) == []


async def test_an_event_that_grows_too_large_to_write_spoils_no_other_of_its_batch(wide_door: Door) -> None:
    """Each is answered for itself."""
    event = wide_door.event
    answer = await wide_door.client.post("/v1/events:batch", json=[event, {**event, **PERSONAL}, event])
    outcomes = answer.json()
    assert [(outcome["error"] or {}).get("code") for outcome in outcomes] == [None, "request.too_large", None]
    assert len(wide_door.log.records(wide_door.events)) == 2


async def _cluster_id() -> str:
    return "cluster-1"


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a commit announces itself to nobody
            await asyncio.sleep(0.005)
