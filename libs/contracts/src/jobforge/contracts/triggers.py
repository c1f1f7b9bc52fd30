"""Which events make a run of which template, and with what inputs: decided from the declaration and the event alone."""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, StringConstraints
from pydantic_core import to_json

from jobforge.contracts.base import JsonObject, ProjectId, StrictInput, TemplateKey, TenantId, TriggerName
from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.inbox import InboxJob

MOST_PER_TRACE = 100
"""How often one trigger may fire in one trace unless it says otherwise: what goes on for longer is taken for a loop."""
TRACES_REMEMBERED = 10_000
_MAPPED = "$."


Search = Callable[[str, JsonObject], Any]
"""What a JMESPath expression finds in a value; raises ``Unmapped``."""
EventPattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.*-]+$", max_length=200)]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class Trigger(StrictInput):
    """What happens after an event.

    ``event_type`` may hold ``*`` for any characters. ``condition`` and each string of ``inputs`` that begins with
    ``$.`` are JMESPath over the event's fields, such as ``$.payload.contract_id``; all else is taken as it stands.
    """

    name: TriggerName
    event_type: EventPattern
    condition: Expression | None = None
    template: TemplateKey
    inputs: JsonObject = Field(default_factory=dict)
    most_per_trace: int = Field(default=MOST_PER_TRACE, ge=1, le=100_000)
    enabled: bool = True


class Schedule(StrictInput):
    """What happens at certain times: ``cron`` has five fields and is read in ``time_zone``.

    ``inputs`` are mapped as those of a trigger, from ``tick`` and ``previous_tick`` (ISO 8601, UTC), and ``date`` and
    ``previous_date`` (days in the time zone).
    """

    name: TriggerName
    cron: str
    time_zone: str = "UTC"
    tenant_id: TenantId
    project_id: ProjectId | None = None
    template: TemplateKey
    inputs: JsonObject = Field(default_factory=dict)
    enabled: bool = True


class Unmapped(ValueError):
    """A condition or mapping failed on this event: a function got what it cannot take, or what it found is no JSON."""


def expressions(declared: Trigger | Schedule) -> Iterator[tuple[str, str]]:
    """Every JMESPath expression of a declaration, after the name of its field."""
    if isinstance(declared, Trigger) and declared.condition is not None:
        yield "condition", declared.condition
    for expression in _mappings(declared.inputs):
        yield "inputs", expression


def wants(trigger: Trigger, event: EventEnvelope, search: Search) -> bool:
    """Whether the trigger is meant for this event; raises ``Unmapped``."""
    if not _pattern(trigger.event_type).fullmatch(event.event_type):
        return False
    return trigger.condition is None or _truth(search(trigger.condition, _seen(event)))


def job_for(trigger: Trigger, event: EventEnvelope, search: Search) -> InboxJob:
    """The request that the event makes, the same however often it is made; raises ``Unmapped``."""
    return InboxJob(
        kind="job",
        tenant_id=event.tenant_id,
        project_id=event.project_id,
        template_key=trigger.template,
        inputs=mapped(trigger.inputs, _seen(event), search),
        trace_id=event.trace_id,
        actor_id=f"trigger:{trigger.name}",
        idempotency_key=f"trigger:{trigger.name}:{event.event_id}",
    )


def mapped(inputs: JsonObject, source: JsonObject, search: Search) -> JsonObject:
    """The inputs, each ``$.`` string replaced by what it finds; a field that finds nothing is left out.

    Raises ``Unmapped``.
    """
    found: JsonObject = _mapped(inputs, source, search)
    try:
        to_json(found)
    except ValueError as error:  # ``&name`` finds an expression
        raise Unmapped(f"inputs: what was found is no JSON: {error}") from None
    return found


class Fired:
    """How often each trigger fired in each trace of late, so that what feeds itself is noticed.

    Every chain of events that goes on for ever comes by here again and again in its trace; refusing one link ends it.
    So forgetting (a restart, another replica, a trace long ago) only lets a loop turn a few more times.
    """

    def __init__(self, traces: int = TRACES_REMEMBERED) -> None:
        self._traces = traces
        self._events: OrderedDict[tuple[str, str, str], set[Any]] = OrderedDict()

    def loops(self, trigger: Trigger, event: EventEnvelope) -> bool:
        """Whether the trigger has fired for as many other events of the trace as it may; if not, this one counts."""
        key = (trigger.name, event.tenant_id, event.trace_id)
        events = self._events.setdefault(key, set())
        self._events.move_to_end(key)
        while len(self._events) > self._traces:
            self._events.popitem(last=False)
        if event.event_id not in events and len(events) >= trigger.most_per_trace:
            return True
        events.add(event.event_id)
        return False


def _mapped(value: Any, source: JsonObject, search: Search) -> Any:
    if isinstance(value, str) and value.startswith(_MAPPED):
        return search(value.removeprefix(_MAPPED), source)
    if isinstance(value, list):
        return [_mapped(item, source, search) for item in value]
    if isinstance(value, Mapping):
        pairs = {key: (item, _mapped(item, source, search)) for key, item in value.items()}
        return {key: found for key, (item, found) in pairs.items() if found is not None or item is None}
    return value


def _mappings(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith(_MAPPED):
        yield value.removeprefix(_MAPPED)
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _mappings(item)


def _truth(value: Any) -> bool:
    """As JMESPath has it: false, null, and empty strings, lists and objects are not true; 0 is."""
    return bool(value) or (isinstance(value, int | float) and not isinstance(value, bool))


def _seen(event: EventEnvelope) -> JsonObject:
    return event.model_dump(mode="json")


@lru_cache(maxsize=1024)
def _pattern(event_type: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in event_type.split("*")))
