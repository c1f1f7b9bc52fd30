"""Admission: what may go on, and what the sender of anything else is told."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobforge.ingestion.admission import admit_event, admit_inbox, admit_job, check_values
from jobforge.ingestion.refusal import Refusal

LIMIT = 256 * 1024
EVENT: dict[str, Any] = {
    "tenant_id": "acme",
    "event_type": "settler.contract.uploaded",
    "trace_id": "trace_1_abc",
    "source_app": "settler",
    "payload": {},
}
JOB: dict[str, Any] = {"tenant_id": "acme", "template_key": "settler.contract.process", "inputs": {}}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


def refusal_of(body: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        admit_job(body, limit=LIMIT)
    return caught.value


def _refusal(admit: Callable[..., Any], body: bytes, *, limit: int) -> Refusal | None:
    try:
        admit(body, limit=limit)
    except Refusal as refusal:
        return refusal
    return None


def job(inputs: str) -> bytes:
    return b'{"tenant_id":"acme","template_key":"a.b.c","inputs":' + inputs.encode() + b"}"


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_admitted_or_refused_with_a_code(body: bytes) -> None:
    """No input raises anything but a refusal that says why."""
    for admit in (admit_event, admit_job):
        refusal = _refusal(admit, body, limit=100)
        if refusal is not None:
            assert refusal.status in (400, 413, 422)
            assert refusal.code
            assert refusal.detail


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_what_is_admitted_can_be_carried_exactly(payload: dict[str, Any]) -> None:
    """An admitted payload is plain JSON: no NaN, no NUL, no integer that a double cannot hold."""
    body = json.dumps({**EVENT, "payload": payload}).encode()
    refusal = _refusal(admit_event, body, limit=LIMIT)
    if refusal is not None:
        assert refusal.code in ("request.invalid", "request.malformed", "request.too_deep")
        return
    admitted = admit_event(body, limit=LIMIT)
    assert admitted.payload == payload
    text = json.dumps(payload, allow_nan=False)
    assert "\\u0000" not in text.replace("\\\\", "")
    assert json.loads(text, parse_int=float) == payload


@pytest.mark.parametrize(
    ("inputs", "code", "where"),
    [
        ('{"a": NaN}', "number.not_finite", "/inputs/a"),
        ('{"a": [1e999]}', "number.not_finite", "/inputs/a/0"),
        ('{"a": -Infinity}', "number.not_finite", "/inputs/a"),
        ('{"a": 9007199254740992}', "number.not_exact", "/inputs/a"),
        ('{"a": 18446744073709551616}', "number.not_exact", "/inputs/a"),
        ('{"a": {"b/c": "x\\u0000y"}}', "value.nul", "/inputs/a/b~1c"),
        ('{"a\\u0000": 1}', "value.nul", "/inputs"),
    ],
)
def test_values_that_json_cannot_carry_exactly_name_their_place(inputs: str, code: str, where: str) -> None:
    """The field problem has a pointer and a code, and says what to send instead."""
    refusal = refusal_of(job(inputs))
    assert refusal.status == 422
    assert refusal.errors is not None
    assert (refusal.errors[0].code, refusal.errors[0].pointer) == (code, where)


def test_a_backslash_before_u0000_is_plain_text() -> None:
    """Only the character NUL is refused, not the six characters that would spell it."""
    assert admit_job(job(r'{"a": "\\u0000 NaN 1e999 Infinity"}'), limit=LIMIT).inputs["a"].startswith("\\u0000")


def test_the_largest_exact_integer_is_admitted() -> None:
    """2^53 - 1 is where exactness ends."""
    assert admit_job(job('{"a": 9007199254740991, "b": 1e300}'), limit=LIMIT).inputs["a"] == 2**53 - 1


@pytest.mark.parametrize("depth", [33, 150, 5000])
def test_deep_nesting_is_refused_with_the_limit(depth: int) -> None:
    """Whatever the depth, the answer is the same and comes at once."""
    refusal = refusal_of(job("[" * depth + "]" * depth))
    assert refusal.code == "request.too_deep"
    assert "32" in refusal.detail


def test_many_flat_lists_are_not_deep() -> None:
    """Depth is depth, not the number of brackets."""
    check_values(b"[" + b",".join([b"[]"] * 1000) + b"]")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"tenant_id": "\xff"}', b'"\\ud800"', b"\xef\xbb\xbf{}"])
def test_what_is_not_json_in_utf8_is_malformed(body: bytes) -> None:
    """400, and no echo of the bytes."""
    refusal = refusal_of(body)
    assert (refusal.status, refusal.code) == (400, "request.malformed")


def test_a_large_body_is_refused_with_the_limit_and_the_remedy() -> None:
    """The message names the variable and where large content goes."""
    with pytest.raises(Refusal) as caught:
        admit_event(b" " * 1001, limit=1000)
    assert caught.value.status == 413
    assert "JOBFORGE_MAX_RECORD_BYTES" in caught.value.detail
    assert "/v1/objects" in caught.value.detail


def test_every_wrong_field_is_named_and_no_value_is_echoed() -> None:
    """All problems at once; what was sent stays out of the answer."""
    secret = "s3cr3t-marker"
    body = {**JOB, "tenant_id": f"../{secret}", "trace_id": f"{secret} ", "dry_run": secret, "zz": secret}
    refusal = refusal_of(json.dumps(body).encode())
    assert refusal.errors is not None
    assert {problem.pointer for problem in refusal.errors} == {"/tenant_id", "/trace_id", "/dry_run", "/zz"}
    assert secret not in refusal.detail + str(refusal.errors)


@pytest.mark.parametrize("tenant", ["..", "a/b", "a\\b", "", "-a", "a" * 129, "a\n", "ä"])
def test_absurd_ids_are_refused(tenant: str) -> None:
    """An id is never a path."""
    assert refusal_of(json.dumps({**JOB, "tenant_id": tenant}).encode()).errors


def test_the_apps_own_trace_id_comes_back_with_a_refusal() -> None:
    """A refused request can be found by its trace id."""
    assert refusal_of(json.dumps({**JOB, "zz": 1, "trace_id": "trace_9"}).encode()).trace_id == "trace_9"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "record.malformed"),
        (b"{", "record.malformed"),
        (b"[]", "record.invalid"),
        (json.dumps({**EVENT, "kind": "event", "schema_version": 2}).encode(), "record.version_unknown"),
        (json.dumps({**EVENT, "kind": "event", "schema_version": 2, "new": 1}).encode(), "record.version_unknown"),
        (json.dumps({**EVENT, "kind": "event", "source_app": "aias"}).encode(), "request.invalid"),
        (json.dumps({**EVENT, "kind": "event", "payload": "x" * 2000}).encode(), "request.too_large"),
        (json.dumps({**EVENT, "kind": "party"}).encode(), "record.invalid"),
    ],
)
def test_inbox_records_that_cannot_go_on_have_a_reason(value: bytes | None, code: str) -> None:
    """The reason is the dead letter's code."""
    with pytest.raises(Refusal) as caught:
        admit_inbox(value, source_app="settler", limit=1000)
    assert caught.value.code == code
