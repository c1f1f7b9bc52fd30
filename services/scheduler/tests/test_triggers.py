"""Which events a trigger wants, what it makes of them, and when it has had enough."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from jobforge.contracts.envelope import EventEnvelope, EventSubject
from jobforge.contracts.triggers import Fired, Trigger, Unmapped, job_for, wants
from jobforge.scheduler.expressions import search

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def event(payload: dict[str, Any] | None = None, **more: Any) -> EventEnvelope:
    given: dict[str, Any] = {
        "event_id": uuid4(),
        "tenant_id": "acme",
        "project_id": "p1",
        "event_type": "settler.contract.uploaded",
        "trace_id": "trace_1",
        "source_app": "settler",
        "subject": EventSubject(type="contract", id="c-17"),
        "payload": {"contract_id": "c-17", "pages": 3} if payload is None else payload,
        "occurred_at": NOW,
        "received_at": NOW,
    }
    return EventEnvelope(**{**given, **more})


def trigger(**more: Any) -> Trigger:
    given = {"name": "t", "event_type": "settler.contract.uploaded", "template": "settler.contract.process"}
    return Trigger(**{**given, **more})


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("settler.contract.uploaded", True),
        ("settler.contract.*", True),
        ("settler.*", True),
        ("*", True),
        ("*.uploaded", True),
        ("settler.*.up*d", True),
        ("settler.contract.upload", False),
        ("settler.contract", False),
        ("settler.contract.uploaded.*", False),
        ("settler-contract-uploaded", False),
        ("contract.*", False),
    ],
)
def test_a_pattern_fits_the_whole_type_and_a_star_any_characters(pattern: str, fits: bool) -> None:
    """A dot is a dot."""
    assert wants(trigger(event_type=pattern), event(), search) is fits


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("payload.contract_id", True),
        ("payload.missing", False),
        ("payload.pages", True),
        ("payload.pages > `2`", True),
        ("payload.pages > `3`", False),
        ("subject.type == 'contract' && tenant_id == 'acme'", True),
        ("subject.type == 'invoice' || !project_id", False),
        ("`0`", True),
        ("starts_with(payload.contract_id, 'c-')", True),
    ],
)
def test_a_condition_sees_payload_subject_and_fields(condition: str, holds: bool) -> None:
    """With JMESPath's own truth."""
    assert wants(trigger(condition=condition), event(), search) is holds


def test_inputs_are_mapped_and_all_else_is_taken_as_it_stands() -> None:
    """At any depth; what finds nothing is left out, and a null that was written stays."""
    inputs = {
        "contract_id": "$.payload.contract_id",
        "analysis_type": "full",
        "price": "$5",
        "about": {"who": "$.subject.id", "missing": "$.payload.missing", "none": None},
        "list": ["$.tenant_id", 1],
        "dollar": "$.'$.literal'",
    }
    assert job_for(trigger(inputs=inputs), event(), search).inputs == {
        "contract_id": "c-17",
        "analysis_type": "full",
        "price": "$5",
        "about": {"who": "c-17", "none": None},
        "list": ["acme", 1],
        "dollar": "$.literal",
    }


def test_the_request_is_the_same_however_often_the_event_comes_and_carries_its_trace() -> None:
    """Its key names trigger and event."""
    happened = event()
    first, again = (job_for(trigger(), happened, search) for _ in range(2))
    assert first == again
    assert first.idempotency_key == f"trigger:t:{happened.event_id}"
    assert (first.tenant_id, first.project_id, first.trace_id) == ("acme", "p1", "trace_1")
    assert job_for(trigger(), event(), search).idempotency_key != first.idempotency_key


def test_an_expression_that_fails_on_an_event_says_which_and_why() -> None:
    """A function that gets what it cannot take."""
    with pytest.raises(Unmapped, match=r"sum\(payload.contract_id\)"):
        job_for(trigger(inputs={"n": "$.sum(payload.contract_id)"}), event(), search)
    with pytest.raises(Unmapped, match="contract_id > `2`"):
        wants(trigger(condition="payload.contract_id > `2`"), event(), search)
    with pytest.raises(Unmapped, match="starts_with"):
        wants(trigger(condition="starts_with(payload.pages, 'a')"), event(), search)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"event_type": "Settler"}, "event_type"),
        ({"name": "My trigger"}, "name"),
        ({"template": "settler"}, "template"),
        ({"most_per_trace": 0}, "most_per_trace"),
        ({"when": "x"}, "when"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_by_its_field(wrong: dict[str, Any], field: str) -> None:
    """Before any event comes."""
    with pytest.raises(ValidationError) as caught:
        trigger(**wrong)
    assert caught.value.errors()[0]["loc"][0] == field


def test_a_trigger_that_goes_on_firing_in_one_trace_is_stopped() -> None:
    """Other traces, tenants and triggers are not; a repeated event counts once."""
    fired, endless = Fired(), trigger(most_per_trace=3)
    repeated = event()
    assert [fired.loops(endless, one) for one in (repeated, repeated, event(), event())] == [False] * 4
    assert fired.loops(endless, event())
    assert not fired.loops(endless, repeated)
    assert not fired.loops(endless, event(trace_id="trace_2"))
    assert not fired.loops(endless, event(tenant_id="globex"))
    assert not fired.loops(trigger(name="other", most_per_trace=3), event())


def test_only_the_newest_traces_are_remembered() -> None:
    """Memory is bounded; forgetting lets a loop turn a few more times, no more."""
    fired, once = Fired(traces=2), trigger(most_per_trace=1)
    for name in ("a", "b", "c"):
        assert not fired.loops(once, event(trace_id=name))
    assert fired.loops(once, event(trace_id="c"))
    assert not fired.loops(once, event(trace_id="a"))
