"""What an app may send: the guide's events as they read, and nothing that could become a path or a surprise."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jobforge.contracts.dead_letter import ALWAYS_ADDED, REASON, added_headers, dead_letter_headers
from jobforge.contracts.envelope import EventSubmission
from jobforge.contracts.inbox import InboxJob
from jobforge.contracts.jobs import JobSubmission
from jobforge.contracts.runs import RunProgressed

EVENT: dict[str, Any] = {
    "tenant_id": "acme",
    "event_type": "settler.contract.uploaded",
    "trace_id": "trace_1763938000001_k3x9q2m7a",
    "source_app": "settler",
    "source_module": "core",
    "subject": {"type": "contract", "id": "c-17"},
    "payload": {"contract_id": "c-17", "status": "pending_processing"},
    "contains_pii": False,
}
JOB: dict[str, Any] = {"tenant_id": "acme", "template_key": "settler.contract.process", "inputs": {"contract_id": "c"}}
ABSURD = ["", ".", "..", "../x", "a/b", "a\\b", "a b", "a\x00b", "-a", ".a", "a\n", "é", "a" * 129, "%2e%2e", "a:b"]


def test_the_guides_event_is_accepted_as_it_reads() -> None:
    """Every field of the guide's ``submitEvent``."""
    assert EventSubmission.model_validate_json(json.dumps(EVENT)).payload["contract_id"] == "c-17"


@pytest.mark.parametrize("text", ABSURD, ids=repr)
@pytest.mark.parametrize("field", ["tenant_id", "project_id"])
def test_an_absurd_id_is_refused_at_the_edge(field: str, text: str) -> None:
    """Ids become paths and keys, so separators, dots alone, controls and blanks never pass."""
    for model, valid in ((EventSubmission, EVENT), (JobSubmission, JOB)):
        with pytest.raises(ValidationError):
            model.model_validate({**valid, field: text})


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("trace_id", ""),
        ("trace_id", "a b"),
        ("trace_id", "t" * 129),
        ("trace_id", "t\n"),
        ("source_app", "Settler"),
        ("source_app", "a" * 33),
        ("source_app", "settler\n"),
        ("event_type", "uploaded"),
        ("event_type", "Settler.uploaded"),
        ("event_type", "settler..uploaded"),
        ("event_type", "a." + "b" * 200),
        ("subject", {"type": "contract", "id": "a/b"}),
        ("subject", {"type": "contract", "id": "a\x00"}),
        ("subject", {"type": "contract", "id": "c", "name": "unknown field"}),
        ("subject", {"type": "", "id": "c"}),
        ("redaction_hints", ["a"] * 101),
        ("redaction_hints", [""]),
        ("payload", []),
        ("payload", None),
        ("occurred_at", "2026-11-23T09:00:00"),
        ("event_id", "not-a-uuid"),
        ("schema_verzion", 1),
    ],
)
def test_a_field_beyond_its_limits_is_named(field: str, text: Any) -> None:
    """Each refusal points at the field, also at one that would otherwise be ignored."""
    with pytest.raises(ValidationError) as refused:
        EventSubmission.model_validate_json(json.dumps({**EVENT, field: text}))
    assert refused.value.errors()[0]["loc"][0] == field


@pytest.mark.parametrize("text", ["", "with space", "tab\t", "é", "k" * 256, "k\n"])
def test_an_idempotency_key_is_visible_ascii(text: str) -> None:
    """It travels in a header, so it is what a header can carry."""
    with pytest.raises(ValidationError):
        InboxJob.model_validate({"kind": "job", **JOB, "idempotency_key": text})


@pytest.mark.parametrize(
    "key", ["settler", "settler.contract", "Settler.a.b", "a.b.c.d", "a.b.", "a.b-c.d", "../a.b.c"]
)
def test_a_template_key_has_three_parts(key: str) -> None:
    """``domain.noun.verb``, since it spells a topic and a file."""
    with pytest.raises(ValidationError):
        JobSubmission.model_validate({**JOB, "template_key": key})


def test_equal_instants_are_equal_bytes() -> None:
    """Whatever zone a time was given in, the wire has it in UTC with microseconds."""
    at = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    fields = {
        "run_id": "00000000-0000-8000-8000-000000000001",
        "tenant_id": "a",
        "attempt": 1,
        "progress": {"fraction": 0},
    }
    here = RunProgressed.model_validate({**fields, "at": at})
    there = RunProgressed.model_validate({**fields, "at": at.astimezone(timezone(timedelta(hours=5, minutes=30)))})
    assert here.to_bytes() == there.to_bytes()
    assert b'"at":"2026-11-23T09:00:00.000000Z"' in here.to_bytes()


@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.binary(max_size=8)), max_size=5), st.text(max_size=2000))
def test_a_dead_letter_keeps_its_headers_and_says_why(original: list[tuple[str, bytes]], detail: str) -> None:
    """The original headers come first, untouched; ours are the last of their names, so they cannot be forged."""
    forged = (*original, (REASON, b"forged"))
    headers = dead_letter_headers(
        forged, reason="job.unreadable", detail=detail, topic="t", partition=1, offset=2, timestamp=3, dead_at="now"
    )
    assert headers[: len(forged)] == forged
    added = added_headers(headers)
    assert set(added) == ALWAYS_ADDED
    assert added[REASON] == "job.unreadable"
    assert all(len(text) <= 1000 for text in added.values())
