"""Triggers over a log in memory: requested before committed, nothing lost, nothing made up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.wire import Partition
from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.identity import run_id_for_key
from jobforge.contracts.inbox import InboxJob
from jobforge.contracts.triggers import Trigger
from jobforge.scheduler.firing import GROUP, OWN_INBOX, Firings
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.waiting import until

EVENTS = "jobforge.events.settler"
SINCE = datetime(2026, 11, 23, 12, tzinfo=UTC)
PROCESS = Trigger(
    name="process",
    event_type="settler.contract.uploaded",
    template="settler.contract.process",
    inputs={"contract_id": "$.payload.contract_id"},
    most_per_trace=3,
)


class Switches:
    """Every trigger acts since ``since``."""

    def __init__(self) -> None:
        self.since: datetime | None = SINCE

    def acts_since(self, name: str) -> datetime | None:
        return self.since


class Triggered:
    """A log with one partition of events, and what triggers make of them."""

    def __init__(self) -> None:
        self.log = MemoryLog({EVENTS: 1, OWN_INBOX: 1})
        self.switches = Switches()

    def happens(self, contract_id: str, **more: Any) -> UUID:
        """An event is accepted; its id."""
        given: dict[str, Any] = {
            "event_id": uuid4(),
            "tenant_id": "acme",
            "event_type": "settler.contract.uploaded",
            "trace_id": f"trace_{contract_id}",
            "source_app": "settler",
            "payload": {"contract_id": contract_id},
            "occurred_at": SINCE,
            "received_at": SINCE,
        }
        event = EventEnvelope(**{**given, **more})
        self.log.append(EVENTS, b"k", event.to_bytes(), (), 0)
        return event.event_id

    @asynccontextmanager
    async def acting(self, *triggers: Trigger, limit: int = 10_000) -> AsyncIterator[None]:
        """A scheduler's reader of events, joined to its group."""
        telemetry = Telemetry(service="test", version="0", endpoint=None, environment={})
        reader = Firings(
            triggers or (PROCESS,), self.switches, self.log.publisher(), telemetry, limit=limit, back_off=0.01
        )
        async with self.log.member(group=GROUP, topics=[EVENTS], reader=reader):
            yield

    async def read_to(self, offset: int) -> None:
        """Wait for the group's commit."""
        await until(lambda: self.log.committed(GROUP, Partition(EVENTS, 0)) == offset, timeout=20)

    def requests(self) -> list[InboxJob]:
        """What was requested."""
        return [InboxJob.model_validate_json(record.value or b"") for record in self.log.records(OWN_INBOX)]


@pytest.fixture
def plane() -> Triggered:
    return Triggered()


async def test_every_delivery_of_an_event_requests_the_same_run(plane: Triggered) -> None:
    """Also by a scheduler that knows nothing of the one before."""
    event_id = plane.happens("c-1")
    for _ in range(2):
        async with plane.acting():
            await plane.read_to(1)
        plane.log.reset(GROUP)
    first, again = plane.requests()
    assert first == again
    assert first.idempotency_key == f"trigger:process:{event_id}"
    assert first.inputs == {"contract_id": "c-1"}
    run_id = run_id_for_key("acme", "settler.contract.process", first.idempotency_key)
    assert {record.key for record in plane.log.records(OWN_INBOX)} == {f"acme:{run_id}".encode()}


async def test_an_event_is_committed_only_when_its_request_is_acknowledged(plane: Triggered) -> None:
    """While nothing can be written the event stays; later it fires."""
    plane.happens("c-1", event_type="settler.other.thing")
    plane.happens("c-2")
    plane.happens("c-3")
    async with plane.acting():
        plane.log.down = True
        await plane.read_to(1)
        assert plane.requests() == []
        plane.log.down = False
        await plane.read_to(3)
    assert [job.inputs["contract_id"] for job in plane.requests()] == ["c-2", "c-3"]


async def test_a_request_whose_acknowledgement_was_lost_is_made_again_under_its_key(plane: Triggered) -> None:
    """It may have been written: the key makes both one run."""
    plane.happens("c-1")
    plane.log.mute = True
    async with plane.acting():
        await until(lambda: len(plane.requests()) >= 2, timeout=20)
        plane.log.mute = False
        await plane.read_to(1)
    assert len({job.idempotency_key for job in plane.requests()}) == 1


async def test_what_happened_before_a_trigger_was_on_does_not_concern_it(plane: Triggered) -> None:
    """And what happens while it is off is passed over."""
    plane.happens("c-1", received_at=SINCE - timedelta(seconds=1))
    plane.happens("c-2")
    async with plane.acting():
        await plane.read_to(2)
        plane.switches.since = None
        plane.happens("c-3")
        await plane.read_to(3)
    assert [job.inputs["contract_id"] for job in plane.requests()] == ["c-2"]


async def test_a_loop_is_stopped_and_what_does_not_loop_goes_on(plane: Triggered) -> None:
    """Each run of the trigger leads to another event in its trace, without end."""
    plane.happens("c-1", trace_id="trace_loop")
    async with plane.acting():
        answered = 0
        async with asyncio.timeout(20):
            while answered < 3:
                await until(answer_to(plane, answered), timeout=20)
                answered += 1
                plane.happens("c-1", trace_id="trace_loop")
        plane.happens("c-2")
        await plane.read_to(5)
    assert [job.trace_id for job in plane.requests()] == ["trace_loop"] * 3 + ["trace_c-2"]


def answer_to(plane: Triggered, answered: int) -> Callable[[], bool]:
    """Whether there is a request that nobody answered with an event yet."""
    return lambda: len(plane.requests()) > answered


async def test_an_event_that_cannot_be_mapped_or_read_holds_nobody_up(plane: Triggered) -> None:
    """A function that fails, a request that is too large, bytes that are no event: said aloud and passed over."""
    adds = PROCESS.model_copy(update={"name": "adds", "inputs": {"n": "$.sum(payload.pages)"}})
    plane.log.append(EVENTS, b"k", b"\xff", (), 0)
    plane.happens("c-1", payload={"contract_id": "c-1", "pages": "many"})
    plane.happens("c" * 2000, trace_id="trace_long")
    plane.happens("c-2", payload={"contract_id": "c-2", "pages": [1, 2]})
    async with plane.acting(adds, PROCESS, limit=1000):
        await plane.read_to(4)
    assert [job.inputs for job in plane.requests()] == [
        {"contract_id": "c-1"},
        {"n": 3},
        {"contract_id": "c-2"},
    ]


async def test_an_expression_that_finds_no_json_takes_no_other_request_along(plane: Triggered) -> None:
    """``&name`` is an expression itself, which no record can hold: its whole batch of events was skipped."""
    odd = PROCESS.model_copy(update={"name": "odd", "inputs": {"contract_id": "$.[&payload]"}})
    plane.happens("c1")
    plane.happens("c2")
    async with plane.acting(odd, PROCESS):
        await plane.read_to(2)
    assert [request.inputs for request in plane.requests()] == [{"contract_id": "c1"}, {"contract_id": "c2"}]
