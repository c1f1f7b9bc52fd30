"""The file of triggers and schedules is checked before anything starts, and told to the plane."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobforge.chassis.control import ControlView
from jobforge.chassis.settings import Settings
from jobforge.contracts.control import TriggerSwitched
from jobforge.scheduler.app import create_app
from jobforge.scheduler.declaring import Declared, Standing, TriggersFileInvalid, declared
from jobforge.testkit.memory import MemoryLog

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "triggers.yaml"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TRIGGER = "{name: a, event_type: x.y, template: a.b.c"
SCHEDULE = "{name: a, tenant_id: acme, template: a.b.c"


def test_the_example_declares_what_the_guide_says() -> None:
    """An uploaded contract is processed."""
    (trigger,) = declared(str(EXAMPLE)).triggers
    assert (trigger.event_type, trigger.template) == ("settler.contract.uploaded", "settler.contract.process")
    assert trigger.inputs["contract_id"] == "$.payload.contract_id"


def test_no_file_declares_nothing() -> None:
    """Triggers are off unless a file is named."""
    assert declared("") == Declared()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("triggers: [}", "not YAML"),
        ("- a", "the file: "),
        ("trigger: []", "trigger: this field is not known here"),
        ("triggers: [{name: a}]", "triggers[0].event_type: this field is required: add it"),
        (f"triggers: [{TRIGGER}, condition: 'a.'}}]", "triggers[0].condition: 'a.' is no JMESPath expression"),
        (
            f"triggers: [{TRIGGER}, inputs: {{a: [{{b: '$.c['}}]}}}}]",
            "triggers[0].inputs: 'c[' is no JMESPath expression",
        ),
        (f"triggers: [{TRIGGER}}}, {TRIGGER}}}]", "name: 'a' is given 2 times: each trigger and schedule needs"),
        (f"schedules: [{SCHEDULE}, cron: '0 0 * *'}}]", "schedules[0].cron: '0 0 * *' does not have 5 fields"),
        (f"schedules: [{SCHEDULE}, cron: '0 0 * * *', time_zone: Berlin}}]", "use a name such as Europe/Berlin"),
    ],
)
def test_a_file_that_cannot_work_stops_the_start_with_place_and_remedy(text: str, said: str, tmp_path: Path) -> None:
    """Before anything is connected."""
    file = tmp_path / "triggers.yaml"
    file.write_text(text)
    with pytest.raises(TriggersFileInvalid) as caught:
        create_app(Settings(triggers_file=str(file)))
    assert str(file) in str(caught.value)
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_named_with_its_variable(tmp_path: Path) -> None:
    """Never a start without what was declared."""
    with pytest.raises(TriggersFileInvalid, match="JOBFORGE_TRIGGERS_FILE"):
        declared(str(tmp_path / "nothing.yaml"))


async def test_what_is_declared_is_announced_once_and_taken_back_when_it_goes() -> None:
    """And a restart does not move the time since when it is declared."""
    log = MemoryLog({"jobforge.control": 1})
    what = declared(str(EXAMPLE))
    for hours, file, written in ((0, what, 1), (1, what, 1), (2, Declared(), 2), (3, what, 3)):
        control = control_of(log)
        standing = Standing(file, control)
        standing.settle(NOW + timedelta(hours=hours))
        await standing.announce(log.publisher())
        assert len(log.records("jobforge.control")) == written
    assert control_of(log).triggers["process-uploaded-contracts"].declared_at == NOW + timedelta(hours=3)


async def test_a_trigger_acts_although_a_replica_with_an_older_file_took_it_back() -> None:
    """During a rolling change of the file each replica goes by its own."""
    control = ControlView(Settings(profile="development"))
    standing = Standing(declared(str(EXAMPLE)), control)
    standing.settle(NOW)
    control.apply(b"trigger:process-uploaded-contracts", None)
    assert standing.acts_since("process-uploaded-contracts") == NOW


def test_a_switch_beats_the_file_and_the_flag_beats_both() -> None:
    """Off is off at once; on again, it is on from then."""
    control = ControlView(Settings(profile="development"))
    standing = Standing(declared(str(EXAMPLE)), control)
    standing.settle(NOW)
    for enabled, since in ((False, None), (True, NOW + timedelta(hours=1))):
        switch = TriggerSwitched(
            name="process-uploaded-contracts", enabled=enabled, switched_at=NOW + timedelta(hours=1)
        )
        control.apply(switch.key, switch.to_bytes())
        assert standing.acts_since(switch.name) == since
    off = Standing(declared(str(EXAMPLE)), ControlView(Settings()))
    off.settle(NOW)
    assert off.acts_since("process-uploaded-contracts") is None


def control_of(log: MemoryLog) -> ControlView:
    """What the plane's control topic says."""
    control = ControlView(Settings(profile="development"))
    for record in log.records("jobforge.control"):
        control.apply(record.key, record.value)
    return control
