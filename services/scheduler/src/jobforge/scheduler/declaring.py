"""Triggers and schedules as their file declares them, checked before anything starts and announced to the plane."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import ValidationError

from jobforge.chassis.control import ControlView, announce
from jobforge.chassis.wire import Publisher
from jobforge.contracts.base import StrictInput
from jobforge.contracts.control import TriggerAnnounced
from jobforge.contracts.topics import CONTROL
from jobforge.contracts.triggers import Schedule, Trigger, expressions
from jobforge.scheduler import ticks
from jobforge.scheduler.expressions import compiled

FLAG = "JOBFORGE_TRIGGERS_ENABLED"
_REMEDIES = {
    "extra_forbidden": "this field is not known here: check its spelling or remove it",
    "missing": "this field is required: add it",
}


class TriggersFileInvalid(ValueError):
    """The file that JOBFORGE_TRIGGERS_FILE names cannot be used; says where and what to do."""


class _File(StrictInput):
    triggers: tuple[Trigger, ...] = ()
    schedules: tuple[Schedule, ...] = ()


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared; nothing where no file is named."""

    triggers: tuple[Trigger, ...] = ()
    schedules: tuple[Schedule, ...] = ()

    @property
    def everything(self) -> tuple[Trigger | Schedule, ...]:
        """Triggers, then schedules."""
        return *self.triggers, *self.schedules


def declared(file: str) -> Declared:
    """What a file declares; raises ``TriggersFileInvalid`` with every problem in it."""
    if not file:
        return Declared()
    try:
        found = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise TriggersFileInvalid(
            f"{file}: {error.strerror}: set JOBFORGE_TRIGGERS_FILE to a file that this service can read, or unset it"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TriggersFileInvalid(f"{file}: not YAML in UTF-8: {' '.join(str(error).split())}") from None
    try:
        parsed = _File.model_validate(found if found is not None else {})
    except ValidationError as error:
        problems = [f"{_place(one['loc'])}: {_remedy(one)}" for one in error.errors(include_url=False)]
        raise TriggersFileInvalid(_listed(file, problems)) from None
    what = Declared(parsed.triggers, parsed.schedules)
    if problems := [*_expression_problems(what), *_schedule_problems(what.schedules), *_name_problems(what)]:
        raise TriggersFileInvalid(_listed(file, problems))
    return what


class Standing:
    """What is declared here, and since when each of it acts, as far as the plane's control state says."""

    def __init__(self, what: Declared, control: ControlView) -> None:
        self._what = what
        self._control = control
        self._announced: dict[str, TriggerAnnounced] = {}

    def settle(self, now: datetime) -> None:
        """Begin to act, once control was read: what was declared before keeps the time since when it is."""
        for one in self._what.everything:
            before = self._control.triggers.get(one.name)
            same = before is not None and (before.cron is None) == isinstance(one, Trigger)
            since = before.declared_at if before is not None and same else now
            self._announced[one.name] = TriggerAnnounced(
                template_key=one.template, declared_at=since, **one.model_dump(exclude={"template"})
            )

    async def announce(self, publisher: Publisher) -> None:
        """Tell the plane, and take back what is not declared any more; raises as ``Publisher.publish`` does."""
        known = dict(self._control.triggers)
        for message in self._announced.values():
            if known.pop(message.name, None) != message:
                await announce(publisher, message)
        for gone in known.values():
            await publisher.publish(CONTROL.name, key=gone.key, value=None)

    def acts_since(self, name: str) -> datetime | None:
        """Since when a trigger or schedule acts; None while it does not. What happened before does not concern it."""
        announced = self._announced.get(name)
        if announced is None or not self._control.flag(FLAG) or not self._control.trigger_enabled(announced):
            return None
        return self._control.trigger_since(announced)


def _expression_problems(what: Declared) -> Iterable[str]:
    for kind, several in _kinds(what):
        for index, one in enumerate(several):
            for field, expression in expressions(one):
                try:
                    compiled(expression)
                except ValueError as error:
                    yield f"{kind}[{index}].{field}: {error}"


def _kinds(what: Declared) -> Iterable[tuple[str, Sequence[Trigger | Schedule]]]:
    yield "triggers", what.triggers
    yield "schedules", what.schedules


def _schedule_problems(schedules: Iterable[Schedule]) -> Iterable[str]:
    for index, schedule in enumerate(schedules):
        place = f"schedules[{index}]"
        try:
            zone = ZoneInfo(schedule.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield f"{place}.time_zone: {schedule.time_zone!r} is no time zone: use a name such as Europe/Berlin or UTC"
            continue
        wrong = ticks.problem(schedule.cron, zone, datetime.now(UTC))
        if wrong is not None:
            yield f"{place}.cron: {wrong}"


def _name_problems(what: Declared) -> Iterable[str]:
    names = Counter(one.name for one in what.everything)
    for name, count in names.items():
        if count > 1:
            yield f"name: {name!r} is given {count} times: each trigger and schedule needs a name of its own"


def _place(location: tuple[int | str, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".") or "the file"


def _remedy(error: Any) -> str:
    return _REMEDIES.get(error["type"], str(error["msg"]).removeprefix("Value error, "))


def _listed(file: str, problems: list[str]) -> str:
    return "; ".join(f"{file}: {problem}" for problem in problems)
