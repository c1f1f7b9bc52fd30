"""The Kafka door: published before committed, in order, and nothing dropped."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from jobforge.chassis.wire import Partition, Record
from jobforge.contracts.dead_letter import added_headers
from jobforge.contracts.identity import event_id_for_record, run_id_for_key, run_id_for_record
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.topics import INBOX
from jobforge.ingestion.app import inbox_reader
from jobforge.testkit.builders import template_announced

Door = Any
"""``DoorInMemory`` of conftest.py."""
TOPIC = "jobforge.inbox.settler"
CLUSTER = "cluster-1"


async def cluster_id() -> str:
    return CLUSTER


@asynccontextmanager
async def reading(door: Door) -> AsyncIterator[None]:
    reader = inbox_reader(door.settings, door.plane, cluster_id, back_off=0.01)
    async with door.log.member(group="ingestion", pattern=INBOX.pattern, reader=reader):
        yield


def put(door: Door, value: Any, *, partition: int = 0, **more: Any) -> int:
    """Append one record to settler's inbox; its offset."""
    body = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    position = door.log.append(TOPIC, more.get("key"), body, more.get("headers", ()), partition)
    return int(position.offset)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a commit announces itself to nobody
            await asyncio.sleep(0.005)


def committed(door: Door, partition: int = 0) -> int | None:
    found: int | None = door.log.committed("ingestion", Partition(TOPIC, partition))
    return found


async def test_records_without_ids_are_named_by_their_position(door: Door) -> None:
    """However often a record is read, it is the same event or run."""
    put(door, {**door.event, "kind": "event"})
    put(door, {**door.job, "kind": "job"})
    put(door, {**door.job, "kind": "job", "idempotency_key": "k-1"})
    for _ in range(2):
        async with reading(door):
            await until(lambda: committed(door) == 3)
        door.log.reset("ingestion")
    events = [json.loads(record.value)["event_id"] for record in door.log.records(door.events)]
    assert set(events) == {str(event_id_for_record(CLUSTER, TOPIC, 0, 0))}
    jobs = [JobRequested.model_validate_json(record.value) for record in door.log.records(door.jobs)]
    assert {job.run_id for job in jobs} == {
        run_id_for_record(CLUSTER, TOPIC, 0, 1),
        run_id_for_key("acme", "settler.contract.process", "k-1"),
    }
    assert {job.requested_by.source_app for job in jobs} == {"settler"}


async def test_a_record_that_is_refused_is_set_aside_untouched_with_its_reason(door: Door) -> None:
    """Value, key and headers byte for byte, and headers that say why and from where."""
    headers = (("mine", b"\xff\x00"), ("mine", b"2"))
    put(door, b"\xff not json", key=b"\x00key", headers=headers, partition=2)
    async with reading(door):
        await until(lambda: committed(door, 2) == 1)
    [record] = door.log.records("jobforge.rejected")
    assert (record.key, record.value, record.headers[:2]) == (b"\x00key", b"\xff not json", headers)
    added = added_headers(record.headers)
    assert added["jobforge-reason"] == "record.malformed"
    assert (added["jobforge-origin-topic"], added["jobforge-origin-partition"]) == (TOPIC, "2")


async def test_every_refusal_has_its_code_and_the_good_ones_go_on(door: Door) -> None:
    """The partition moves on past whatever is in it."""
    door.switch("JOBFORGE_AUTOPILOT_JOBS_ENABLED", False)
    event, job = {**door.event, "kind": "event"}, {**door.job, "kind": "job"}
    refused = {
        "record.malformed": None,
        "record.version_unknown": {**event, "schema_version": 7},
        "request.too_large": {**event, "payload": {"x": "y" * 300_000}},
        "request.too_deep": {**event, "payload": {"x": json.loads("[" * 40 + "]" * 40)}},
        "template.unknown": {**job, "template_key": "settler.contract.nothing"},
        "feature.disabled": {**job, "template_key": "autopilot.ops.scan"},
        "record.invalid": {**event, "tenant_id": "../x"},
        "request.invalid": {**job, "inputs": {}},
    }
    for value in refused.values():
        put(door, value)
        put(door, event)
    async with reading(door):
        await until(lambda: committed(door) == 2 * len(refused))
    reasons = [added_headers(record.headers)["jobforge-reason"] for record in door.log.records("jobforge.rejected")]
    assert reasons == list(refused)
    assert len(door.log.records(door.events)) == len(refused)


async def test_an_instant_that_utc_cannot_write_does_not_block_its_partition_for_ever(door: Door) -> None:
    """It is set aside, and what stands behind it is published."""
    event = {**door.event, "kind": "event"}
    put(door, {**event, "occurred_at": "0001-01-01T00:00:00+14:00"})
    put(door, event)
    async with reading(door):
        await until(lambda: committed(door) == 2)
    assert [len(door.log.records(topic)) for topic in ("jobforge.rejected", door.events)] == [1, 1]


async def test_another_apps_event_in_an_inbox_is_refused(door: Door) -> None:
    """The topic says who speaks."""
    put(door, {**door.event, "kind": "event", "source_app": "aias"})
    async with reading(door):
        await until(lambda: committed(door) == 1)
    assert door.log.records("jobforge.events.aias") == []
    assert len(door.log.records("jobforge.rejected")) == 1


async def test_a_key_with_another_body_is_set_aside(door: Door) -> None:
    """As over HTTP, and also against what came over HTTP."""
    await door.client.post("/v1/jobs", json=door.job, headers={"Idempotency-Key": "k-1"})
    put(door, {**door.job, "kind": "job", "idempotency_key": "k-1"})
    other = {**door.job, "inputs": {"contract_id": "other", "analysis_type": "full"}}
    put(door, {**other, "kind": "job", "idempotency_key": "k-1"})
    async with reading(door):
        await until(lambda: committed(door) == 2)
    [record] = door.log.records("jobforge.rejected")
    assert added_headers(record.headers)["jobforge-reason"] == "idempotency.conflict"
    assert len(door.log.records(door.jobs)) == 2


async def test_while_kafka_takes_nothing_nothing_is_committed_and_then_all_is_published_in_order(door: Door) -> None:
    """Never dropped, never committed past, and one subject's events stay in order."""
    numbers = list(range(40))
    for number in numbers:
        subject = {"type": "contract", "id": f"c-{number % 3}"}
        put(door, {**door.event, "kind": "event", "subject": subject, "payload": {"number": number}})
    put(door, b"broken")
    door.log.down = True
    async with reading(door):
        await asyncio.sleep(0.1)
        assert committed(door) is None
        door.log.down = False
        await until(lambda: committed(door) == 41)
    by_subject = _numbers_by_subject(door.log.records(door.events))
    assert by_subject == {f"c-{rest}": [n for n in numbers if n % 3 == rest] for rest in range(3)}
    assert len(door.log.records("jobforge.rejected")) == 1


async def test_a_failure_in_the_middle_never_lets_a_later_event_of_a_subject_overtake(door: Door) -> None:
    """Repeats are allowed after a failure; a new later number before an earlier one is not."""
    for number in range(30):
        put(door, {**door.event, "kind": "event", "payload": {"number": number}})
    failing = door.plane.publisher
    publish, left = failing.send, [7]

    async def sometimes(*args: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            left[0] = 9
            door.log.down = True
        try:
            return await publish(*args, **more)
        finally:
            door.log.down = False

    failing.send = sometimes
    async with reading(door):
        await until(lambda: committed(door) == 30)
    numbers = [json.loads(record.value)["payload"]["number"] for record in door.log.records(door.events)]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(30))


async def test_one_waiting_partition_does_not_hold_the_others(door: Door) -> None:
    """A topic that is missing holds its own records only."""
    missing = {**door.job, "kind": "job", "template_key": "aias.text.embed", "inputs": {}}
    door.put(template_announced("aias.text.embed"))
    put(door, missing, partition=0)
    put(door, {**door.event, "kind": "event"}, partition=1)
    async with reading(door):
        await until(lambda: committed(door, 1) == 1)
        assert committed(door, 0) is None


async def test_a_defect_while_publishing_skips_no_record(door: Door) -> None:
    """Whatever is raised, the record is read again."""
    for number in range(5):
        put(door, {**door.event, "kind": "event", "payload": {"number": number}})
    asked = door.plane.recall.ask
    defects = [ValueError("defect"), ValueError("defect")]

    async def sometimes(**more: Any) -> Any:
        if defects:
            raise defects.pop()
        return await asked(**more)

    door.plane.recall.ask = sometimes
    async with reading(door):
        await until(lambda: committed(door) == 5)
    assert [json.loads(record.value)["payload"]["number"] for record in door.log.records(door.events)] == [
        0,
        1,
        2,
        3,
        4,
    ]


async def test_two_members_share_the_partitions_and_nothing_is_lost_at_the_handover(door: Door) -> None:
    """A second door joins, the first leaves: every record is published at least once, each commit is covered."""
    for number in range(200):
        put(door, {**door.event, "kind": "event", "payload": {"number": number}}, partition=number % 4)
    async with reading(door):
        async with reading(door):
            await until(lambda: len(door.log.records(door.events)) > 20)
        await until(lambda: all(committed(door, partition) == 50 for partition in range(4)))
    numbers = {json.loads(record.value)["payload"]["number"] for record in door.log.records(door.events)}
    assert numbers == set(range(200))


def _numbers_by_subject(records: list[Record]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for record in records:
        event = json.loads(record.value or b"")
        numbers = found.setdefault(event["subject"]["id"], [])
        if event["payload"]["number"] not in numbers:
            numbers.append(event["payload"]["number"])
    return found
