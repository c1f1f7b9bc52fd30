"""What the records of ``jobforge.control`` add up to, one record at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from jobforge.contracts.control import (
    CONTROL,
    AppRegistered,
    FlagSet,
    PlaneSettled,
    ScheduleTicked,
    TemplateAnnounced,
    TemplateSwitched,
    TriggerAnnounced,
    TriggerSwitched,
)
from jobforge.contracts.reading import read_any

V = TypeVar("V")


def _empty() -> Mapping[str, V]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ControlState:
    """Everything that ``jobforge.control`` says: the last record of each key counts, a null value takes it back."""

    templates: Mapping[str, TemplateAnnounced] = field(default_factory=_empty)
    enablement: Mapping[str, bool] = field(default_factory=_empty)
    triggers: Mapping[str, TriggerAnnounced] = field(default_factory=_empty)
    trigger_switches: Mapping[str, TriggerSwitched] = field(default_factory=_empty)
    ticks: Mapping[str, datetime] = field(default_factory=_empty)
    flags: Mapping[str, bool] = field(default_factory=_empty)
    apps: frozenset[str] = frozenset()
    partitions: int | None = None

    def after(self, key: bytes | None, value: bytes | None) -> "ControlState":
        """The state after one more record; raises ``Unreadable`` for a record that this code does not know."""
        if value is None:
            return self._without((key or b"").decode(errors="replace"))
        match read_any(CONTROL, value):
            case TemplateAnnounced() as announced:
                return replace(self, templates=_with(self.templates, announced.template_key, announced))
            case TemplateSwitched(template_key=template_key, enabled=enabled):
                return replace(self, enablement=_with(self.enablement, template_key, enabled))
            case TriggerAnnounced() as trigger:
                return replace(self, triggers=_with(self.triggers, trigger.name, trigger))
            case TriggerSwitched() as switched:
                return replace(self, trigger_switches=_with(self.trigger_switches, switched.name, switched))
            case ScheduleTicked(name=name, tick=tick):
                return replace(self, ticks=_with(self.ticks, name, tick))
            case FlagSet(name=name, enabled=enabled):
                return replace(self, flags=_with(self.flags, name, enabled))
            case AppRegistered(source_app=source_app):
                return replace(self, apps=self.apps | {source_app})
            case PlaneSettled(partitions=partitions):
                return replace(self, partitions=partitions)
        return self

    def _without(self, key: str) -> "ControlState":
        kind, _, name = key.partition(":")
        match kind:
            case "template":
                return replace(self, templates=_less(self.templates, name))
            case "enablement":
                return replace(self, enablement=_less(self.enablement, name))
            case "trigger":
                return replace(self, triggers=_less(self.triggers, name))
            case "trigger-enablement":
                return replace(self, trigger_switches=_less(self.trigger_switches, name))
            case "tick":
                return replace(self, ticks=_less(self.ticks, name))
            case "flag":
                return replace(self, flags=_less(self.flags, name))
            case "app":
                return replace(self, apps=self.apps - {name})
            case "plane":
                return replace(self, partitions=None)
        return self


def _with(mapping: Mapping[str, V], name: str, value: V) -> Mapping[str, V]:
    return MappingProxyType({**mapping, name: value})


def _less(mapping: Mapping[str, V], name: str) -> Mapping[str, V]:
    return MappingProxyType({key: value for key, value in mapping.items() if key != name})
