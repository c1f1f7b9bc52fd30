"""How a record becomes a message, and what is said when it does not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobforge.contracts.control import CONTROL, AppRegistered, PlaneSettled
from jobforge.contracts.inbox import INBOX
from jobforge.contracts.reading import Unreadable, read, read_any
from jobforge.contracts.runs import RUN_RECORDS, RunProgressed

PROGRESSED = {
    "type": "RunProgressed",
    "run_id": "00000000-0000-8000-8000-000000000001",
    "tenant_id": "acme",
    "attempt": 1,
    "progress": {"fraction": 0.5},
    "at": "2026-11-23T09:00:00Z",
}


def unreadable(value: bytes | None) -> Unreadable:
    """Why the value is not a RunProgressed."""
    with pytest.raises(Unreadable) as refused:
        read(RunProgressed, value)
    return refused.value


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"\xff\xfe", b"\x00", b'"\xed\xa0\x80"', b"[" * 100_000], ids=lambda v: repr(v)[:20]
)
def test_what_is_not_json_is_malformed(value: bytes | None) -> None:
    """No bytes crash a reader: empty, cut off, not UTF-8, or nested absurdly deep."""
    assert unreadable(value).reason == "record.malformed"


@pytest.mark.parametrize("value", [b"null", b"[]", b"1", b"{}", b'{"schema_version": "x"}', b'{"schema_version": 0}'])
def test_json_of_another_shape_is_invalid(value: bytes) -> None:
    """Readable JSON that is no such message says where it is wrong."""
    assert unreadable(value).reason == "record.invalid"


def test_a_wrong_field_is_named_without_its_content() -> None:
    """The detail travels in headers and logs, so it never quotes what an app sent."""
    refused = unreadable(json.dumps({**PROGRESSED, "tenant_id": "se cret/../x"}).encode())
    assert refused.reason == "record.invalid"
    assert refused.detail.startswith("/tenant_id: ")
    assert "cret" not in refused.detail


@pytest.mark.parametrize("more", [{}, {"progress": "a new shape"}])
def test_a_newer_version_is_said_to_be_newer_even_if_its_fields_changed(more: dict[str, Any]) -> None:
    """A rolling deploy may meet the next version: that is its reason, not the field that moved."""
    refused = unreadable(json.dumps({**PROGRESSED, **more, "schema_version": 2}).encode())
    assert refused.reason == "record.version_unknown"
    assert "2" in refused.detail


def test_a_family_of_messages_follows_the_same_rules() -> None:
    """Messages that share a topic are told apart by their discriminator."""
    assert isinstance(read_any(RUN_RECORDS, json.dumps(PROGRESSED).encode()), RunProgressed)
    assert read_any(CONTROL, b'{"kind": "plane", "partitions": 8, "more": 1}') == PlaneSettled(partitions=8)
    for value, reason in [
        (b"{", "record.malformed"),
        (b'{"kind": "unheard"}', "record.invalid"),
        (b'{"kind": "plane", "partitions": 8, "schema_version": 2}', "record.version_unknown"),
        (b'{"kind": "unheard", "schema_version": 2}', "record.version_unknown"),
    ]:
        with pytest.raises(Unreadable) as refused:
            read_any(CONTROL, value)
        assert refused.value.reason == reason


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_unreadable(value: bytes) -> None:
    """Nothing else ever comes out of a reader."""
    for adapter in (RUN_RECORDS, CONTROL, INBOX):
        with pytest.raises(Unreadable):
            read_any(adapter, value)


def test_a_message_is_read_back_as_it_was_written() -> None:
    """Writing and reading are inverse."""
    message = AppRegistered(source_app="settler")
    assert read(AppRegistered, message.to_bytes()) == message
