"""The control view: what it promises about precedence, restarts and records it does not know."""

import asyncio
from datetime import UTC, datetime

import pytest

from jobforge.chassis import control as control_module
from jobforge.chassis.control import ControlUnreadable, ControlView, WrongPartitions
from jobforge.chassis.settings import Settings
from jobforge.contracts.control import AppRegistered, FlagSet, PlaneSettled, TemplateAnnounced, TemplateSwitched

NOW = datetime(2026, 11, 23, tzinfo=UTC)
EVENTS = "JOBFORGE_EVENTS_ENABLED"


def announced(key: str = "echo.text.repeat", version: str = "1") -> TemplateAnnounced:
    return TemplateAnnounced(
        template_key=key,
        version=version,
        domain="echo",
        description="",
        input_schema={},
        output_schema={},
        timeout_seconds=60,
        attempts=1,
        announced_at=NOW,
    )


class ListedLog:
    """A control log in memory: ``records`` were there before, ``later`` is a queue of what comes."""

    def __init__(self, *records: tuple[bytes, bytes | None]) -> None:
        self.records = [(offset, key, value) for offset, (key, value) in enumerate(records)]
        self.later: asyncio.Queue[tuple[int, bytes | None, bytes | None]] = asyncio.Queue()
        self.read_first = False
        self.closed = False

    async def open(self) -> None:
        self.read_first = not self.records

    async def at_end(self) -> bool:
        return self.read_first

    async def read(self) -> list[tuple[int, bytes | None, bytes | None]]:
        if not self.read_first:
            self.read_first = True
            return list(self.records)
        return [await self.later.get()]

    async def close(self) -> None:
        self.closed = True


class FailingLog(ListedLog):
    """A log whose first read after the end fails as nobody foresaw."""

    failed = False

    async def read(self) -> list[tuple[int, bytes | None, bytes | None]]:
        if self.read_first and not self.failed:
            self.failed = True
            raise ValueError("nobody thought of this")
        return await super().read()


class SilentLog(ListedLog):
    """A log whose end never comes."""

    async def at_end(self) -> bool:
        return False

    async def read(self) -> list[tuple[int, bytes | None, bytes | None]]:
        await asyncio.sleep(60)
        return []


def view(**settings: object) -> ControlView:
    return ControlView(Settings(**settings), log=ListedLog())  # type: ignore[arg-type]  # keyword settings as given


def put(control: ControlView, message: FlagSet | TemplateSwitched | TemplateAnnounced | AppRegistered) -> None:
    control.apply(message.key, message.to_bytes())


def test_flags_are_off_unless_somebody_says_otherwise() -> None:
    """Only the policy tokens are required by default."""
    control = view()
    assert not control.flag(EVENTS)
    assert control.flag("JOBFORGE_REQUIRE_POLICY_TOKENS")


def test_the_development_profile_switches_everything_on_but_policy_tokens() -> None:
    """`make up` leaves a plane on which the guide's examples work."""
    control = view(profile="development")
    assert control.flag(EVENTS)
    assert not control.flag("JOBFORGE_REQUIRE_POLICY_TOKENS")
    assert control.template_enabled("settler.contract.process")


def test_control_beats_the_environment_which_beats_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of precedence of a flag."""
    monkeypatch.setenv(EVENTS, "false")
    control = view(profile="development")
    assert not control.flag(EVENTS)
    put(control, FlagSet(name=EVENTS, enabled=True, set_at=NOW))
    assert control.flag(EVENTS)
    control.apply(f"flag:{EVENTS}".encode(), None)
    assert not control.flag(EVENTS)


def test_templates_are_off_until_named_or_switched_on() -> None:
    """JOBFORGE_ENABLED_TEMPLATES names some, * all, and control beats both."""
    assert not view().template_enabled("echo.text.repeat")
    assert view(enabled_templates="a.b.c, echo.text.repeat").template_enabled("echo.text.repeat")
    control = view(enabled_templates="*")
    assert control.template_enabled("echo.text.repeat")
    put(control, TemplateSwitched(template_key="echo.text.repeat", enabled=False, switched_at=NOW))
    assert not control.template_enabled("echo.text.repeat")


def test_an_unknown_flag_is_an_error() -> None:
    """A misspelt name never reads as off."""
    with pytest.raises(KeyError):
        view().flag("JOBFORGE_EVENT_ENABLED")


def test_records_of_an_unknown_kind_or_version_are_passed_over() -> None:
    """An older reader lives beside a newer writer."""
    control = view()
    control.apply(b"trigger:x", b'{"kind": "trigger", "schema_version": 1}')
    control.apply(b"flag:x", b'{"kind": "flag", "schema_version": 9, "name": "x", "enabled": true}')
    control.apply(b"app:settler", b"not json")
    put(control, AppRegistered(source_app="settler"))
    assert control.apps == {"settler"}


def test_another_partition_count_names_the_setting_to_change() -> None:
    """A service that meets another count refuses to start."""
    control = view()
    control.check_partitions(Settings(partitions=8))
    settled = PlaneSettled(partitions=4)
    control.apply(settled.key, settled.to_bytes())
    with pytest.raises(WrongPartitions, match="set JOBFORGE_PARTITIONS=4"):
        control.check_partitions(Settings(partitions=8))


async def test_the_view_is_ready_after_the_end_and_follows_what_comes() -> None:
    """What was written before is known at ready; later records are told to listeners."""
    first = announced()
    source = ListedLog((first.key, first.to_bytes()))
    control = ControlView(Settings(), log=source)
    changed = asyncio.Event()
    await control.start()
    assert control.ready
    assert control.templates["echo.text.repeat"].version == "1"
    control.on_change.append(lambda state: changed.set())
    newer = announced(version="2")
    source.later.put_nowait((1, newer.key, newer.to_bytes()))
    await asyncio.wait_for(changed.wait(), 5)
    assert control.templates["echo.text.repeat"].version == "2"
    await control.stop()
    assert source.closed
    assert not control.ready


async def test_a_topic_made_anew_starts_from_nothing() -> None:
    """Offsets that begin again mean that the old records are gone."""
    first = announced()
    source = ListedLog((b"app:old", AppRegistered(source_app="old").to_bytes()), (first.key, first.to_bytes()))
    control = ControlView(Settings(), log=source)
    await control.start()
    changed = asyncio.Event()
    control.on_change.append(lambda state: changed.set())
    new = AppRegistered(source_app="new")
    source.later.put_nowait((0, new.key, new.to_bytes()))
    await asyncio.wait_for(changed.wait(), 5)
    assert control.apps == {"new"}
    assert not control.templates
    await control.stop()


async def test_a_log_that_cannot_be_read_to_its_end_says_what_to_look_at() -> None:
    """The start fails in time, with the variable to check."""
    control = ControlView(Settings(), log=SilentLog(), timeout=0.05)
    with pytest.raises(ControlUnreadable, match="JOBFORGE_KAFKA_BOOTSTRAP"):
        await control.start()
    assert not control.ready


async def test_a_record_that_a_listener_stumbles_over_does_not_freeze_the_control_state() -> None:
    """Nothing would tell of it: the view stays ready, and goes on with the next record."""
    source = ListedLog()
    control = ControlView(Settings(), log=source)
    await control.start()
    changed = asyncio.Event()

    def stumbling(state: object) -> None:
        if "good" not in control.apps:
            raise ValueError("nobody thought of this")
        changed.set()

    control.on_change.append(stumbling)
    for offset, name in enumerate(["bad", "good"]):
        new = AppRegistered(source_app=name)
        source.later.put_nowait((offset, new.key, new.to_bytes()))
    await asyncio.wait_for(changed.wait(), 5)
    assert control.apps == {"bad", "good"}
    await control.stop()


async def test_a_read_that_fails_unforeseen_does_not_freeze_the_control_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read again."""
    monkeypatch.setattr(control_module, "POLL", 0.01)
    source = FailingLog()
    control = ControlView(Settings(), log=source)
    await control.start()
    changed = asyncio.Event()
    control.on_change.append(lambda state: changed.set())
    new = AppRegistered(source_app="new")
    source.later.put_nowait((0, new.key, new.to_bytes()))
    await asyncio.wait_for(changed.wait(), 5)
    assert control.apps == {"new"}
    await control.stop()
