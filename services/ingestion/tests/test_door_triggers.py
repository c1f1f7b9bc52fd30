"""Triggers and schedules at the door: what is declared, whether it acts, and its switch."""

from datetime import timedelta
from typing import Any

from jobforge.contracts.control import CONTROL, ScheduleTicked, TriggerAnnounced

Door = Any
"""``DoorInMemory`` of conftest.py."""


def declare(door: Door, at: Any) -> None:
    """A trigger and a schedule are announced, and the schedule has ticked."""
    door.put(
        TriggerAnnounced(
            name="process",
            template_key="settler.contract.process",
            inputs={"contract_id": "$.payload.contract_id"},
            event_type="settler.contract.uploaded",
            declared_at=at,
        ),
        TriggerAnnounced(
            name="nightly", template_key="keys.usage.aggregate", cron="0 2 * * *", time_zone="UTC", declared_at=at
        ),
        ScheduleTicked(name="nightly", tick=at + timedelta(days=1)),
    )


async def listed(door: Door) -> dict[str, Any]:
    """What the door lists, by name."""
    return {one["name"]: one for one in (await door.client.get("/v1/triggers")).json()["triggers"]}


async def test_what_is_declared_is_listed_with_whether_it_acts(door: Door) -> None:
    """Off by its own switch, or by the flag of all."""
    assert await listed(door) == {}
    declare(door, announced_at(door))
    found = await listed(door)
    assert list(found) == ["nightly", "process"]
    assert (found["process"]["event_type"], found["process"]["enabled"]) == ("settler.contract.uploaded", True)
    assert found["process"]["inputs"] == {"contract_id": "$.payload.contract_id"}
    assert (found["nightly"]["cron"], found["nightly"]["last_tick"][:10]) == ("0 2 * * *", "2026-11-24")
    off = await door.client.put("/v1/triggers/process", json={"enabled": False})
    assert off.json() == {"name": "process", "enabled": False}
    assert [one["enabled"] for one in (await listed(door)).values()] == [True, False]
    door.switch("JOBFORGE_TRIGGERS_ENABLED", False)
    assert [one["enabled"] for one in (await listed(door)).values()] == [False, False]


async def test_a_switch_that_changes_nothing_does_not_move_the_time_since_when_it_holds(door: Door) -> None:
    """Events that were accepted before a repeated switch still concern the trigger."""
    declare(door, announced_at(door))
    before = (await listed(door))["process"]["since"]
    await door.client.put("/v1/triggers/process", json={"enabled": True})
    assert (await listed(door))["process"]["since"] == before
    await door.client.put("/v1/triggers/process", json={"enabled": False})
    await door.client.put("/v1/triggers/process", json={"enabled": True})
    assert (await listed(door))["process"]["since"] > before
    written = [CONTROL.validate_json(record.value) for record in door.log.records("jobforge.control")]
    assert [one.enabled for one in written] == [True, False, True]


async def test_a_switch_of_nothing_or_outside_development_is_refused(door: Door, strict_door: Door) -> None:
    """With the reason."""
    unknown = await door.client.put("/v1/triggers/other", json={"enabled": True})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "trigger.unknown")
    declare(strict_door, announced_at(strict_door))
    closed = await strict_door.client.put("/v1/triggers/process", json={"enabled": True})
    assert (closed.status_code, closed.json()["code"]) == (403, "profile.production")
    assert not strict_door.log.records("jobforge.control")


def announced_at(door: Door) -> Any:
    """When the door's templates were announced: long ago."""
    return door.control.templates["settler.contract.process"].announced_at
