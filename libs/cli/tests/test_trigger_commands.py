"""What the commands about triggers promise."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from jobforge.cli.app import app
from jobforge.testkit.door_routes import fake_plane
from jobforge.testkit.doors import FakePlane

PROCESS: dict[str, Any] = {
    "name": "process",
    "template_key": "settler.contract.process",
    "inputs": {"contract_id": "$.payload.contract_id", "analysis_type": "full"},
    "event_type": "settler.contract.*",
    "condition": "payload.pages > `1`",
    "most_per_trace": 100,
    "enabled": True,
}
NIGHTLY: dict[str, Any] = {
    "name": "nightly",
    "template_key": "keys.usage.aggregate",
    "inputs": {},
    "cron": "0 2 * * *",
    "time_zone": "Europe/Berlin",
    "enabled": False,
}


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlane]:
    with fake_plane() as plane:
        monkeypatch.setenv("JOBFORGE_URL", plane.url)
        monkeypatch.delenv("JOBFORGE_QUERY_URL", raising=False)
        monkeypatch.setenv("JOBFORGE_TENANT", "acme")
        monkeypatch.setenv("COLUMNS", "200")
        plane.triggers = {one["name"]: dict(one) for one in (PROCESS, NIGHTLY)}
        yield plane


def run(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def happened(plane: FakePlane, event_type: str, **payload: Any) -> str:
    """An event that the plane has accepted; its id."""
    event_id = uuid4()
    plane.events[event_id] = {
        "event_id": str(event_id),
        "tenant_id": "acme",
        "event_type": event_type,
        "trace_id": "trace_1",
        "source_app": "settler",
        "payload": payload,
        "occurred_at": "2026-11-23T09:00:00Z",
        "received_at": "2026-11-23T09:00:00Z",
    }
    return str(event_id)


def test_triggers_and_schedules_are_listed_and_switched(plane: FakePlane) -> None:
    """What was switched shows in the list; an unknown one is named."""
    assert "0 2 * * * Europe/Berlin" in run("triggers").stdout
    run("triggers", "disable", "process")
    run("triggers", "enable", "nightly")
    assert [one["enabled"] for one in json.loads(run("triggers", "--json").stdout)] == [False, True]
    assert "Trigger is unknown: other" in run("triggers", "enable", "other", code=2).stderr


def test_a_trial_shows_what_a_trigger_would_make_of_past_events_and_requests_nothing(plane: FakePlane) -> None:
    """With the inputs as they would be, and what could not be judged with the reason."""
    wanted = happened(plane, "settler.contract.uploaded", contract_id="c-1", pages=3)
    broken = happened(plane, "settler.contract.signed", contract_id="c-2", pages="many")
    happened(plane, "settler.contract.uploaded", contract_id="c-3", pages=1)
    happened(plane, "settler.invoice.uploaded", contract_id="c-4", pages=3)
    tried = json.loads(run("triggers", "try", "process", "--json").stdout)
    assert tried["tried"] == 4
    assert [(one["event_id"], one["acts"], one["inputs"]) for one in tried["events"]] == [
        (wanted, True, {"contract_id": "c-1", "analysis_type": "full"}),
        (broken, False, None),
    ]
    assert "payload.pages" in tried["events"][1]["problem"]
    assert not plane.jobs
    assert "would act on 1" in run("triggers", "try", "process").stderr


def test_a_trigger_can_be_tried_from_its_file_before_it_is_deployed(plane: FakePlane, tmp_path: Path) -> None:
    """What is wrong with the file is said; a schedule cannot be tried on events."""
    happened(plane, "settler.invoice.uploaded", contract_id="c-4")
    file = tmp_path / "triggers.yaml"
    file.write_text("triggers: [{name: new, event_type: settler.invoice.*, template: a.b.c}]")
    assert len(json.loads(run("triggers", "try", "new", "--file", str(file), "--json").stdout)["events"]) == 1
    assert "declares no trigger old" in run("triggers", "try", "old", "--file", str(file), code=2).stderr
    file.write_text("triggers: [{name: new, event_type: settler.invoice.*}]")
    assert "template" in run("triggers", "try", "new", "--file", str(file), code=2).stderr
    assert "no trigger is called nightly" in run("triggers", "try", "nightly", code=2).stderr
