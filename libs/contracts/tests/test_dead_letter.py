"""Whatever a record holds it can be set aside, and what is set aside says how it differs from what came."""

from hashlib import sha256
from typing import NamedTuple

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from jobforge.contracts import dead_letter as named
from jobforge.contracts.dead_letter import ALWAYS_ADDED, LARGEST, REASON, Aside, Headers, added_headers, aside, size
from jobforge.contracts.topics import DEAD_LETTERS, MAX_MESSAGE_BYTES, REJECTED

WHOLE = bytes(range(256)) * 12_000


class Came(NamedTuple):
    """A record as it was read."""

    key: bytes | None = b"k"
    value: bytes | None = b"v"
    headers: Headers = ()
    topic: str = "jobforge.inbox.settler"
    partition: int = 1
    offset: int = 2
    timestamp: int = 3


def kept(came: Came) -> Aside:
    return aside(came, reason="record.malformed", detail="\u00e9" * 2000, dead_at="2026-11-25T00:00:00Z")


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def test_a_record_with_neither_key_nor_value_is_set_aside_with_an_empty_value_and_says_so() -> None:
    """No producer of ours writes such a record; the value was null, not empty."""
    found = kept(Came(None, None))
    assert (found.key, found.value) == (None, b"")
    assert added_headers(found.headers)[named.VALUE_NULL] == "true"
    assert kept(Came(b"k", None))[:2] == (b"k", None)
    assert named.VALUE_NULL not in added_headers(kept(Came(None, b"")).headers)


@pytest.mark.parametrize("room", [0, 1])
def test_what_fits_is_set_aside_untouched(room: int) -> None:
    """Up to the last byte that fits; with one more it is cut."""
    headers = tuple((f"h{number}", b"x") for number in range(10_000))
    empty = kept(Came(value=b"", headers=headers))
    value = WHOLE[: LARGEST - size(*empty) - 3 + room]
    found = kept(Came(value=value, headers=headers))
    assert found.headers[: len(headers)] == headers
    assert (found.value == value) is (room == 0)
    assert (set(added_headers(found.headers)) == ALWAYS_ADDED) is (room == 0)


def test_the_largest_record_of_a_topic_is_not_cut() -> None:
    """What is cut is only what was larger before it was compressed."""
    assert kept(Came(value=b"x" * (MAX_MESSAGE_BYTES - 100))).value == b"x" * (MAX_MESSAGE_BYTES - 100)


def test_a_value_that_is_too_large_is_cut_and_its_size_and_digest_are_told() -> None:
    """As much as fits is kept."""
    found = kept(Came(value=WHOLE, headers=(("h", b"x"),)))
    assert found.value is not None
    assert WHOLE.startswith(found.value)
    assert LARGEST - 1024 < size(*found) <= LARGEST
    added = added_headers(found.headers)
    assert (added[named.VALUE_BYTES], added[named.VALUE_SHA256]) == (str(len(WHOLE)), digest(WHOLE))


def test_headers_that_are_too_large_are_left_out_and_counted() -> None:
    """The value is whole."""
    found = kept(Came(value=b"v", headers=(("a", WHOLE), ("b", b""))))
    assert (found.key, found.value, len(found.headers)) == (b"k", b"v", len(ALWAYS_ADDED) + 1)
    assert added_headers(found.headers)[named.HEADERS_LEFT_OUT] == "2"


def test_even_a_key_that_is_too_large_is_cut() -> None:
    """With everything else that does not fit."""
    found = kept(Came(WHOLE, WHOLE, (("a", WHOLE),)))
    assert found.key is not None
    assert WHOLE.startswith(found.key)
    assert found.value == b""
    assert LARGEST - 1024 < size(*found) <= LARGEST
    added = added_headers(found.headers)
    assert {added[named.KEY_SHA256], added[named.VALUE_SHA256]} == {digest(WHOLE)}
    assert added[named.HEADERS_LEFT_OUT] == "1"


def test_an_original_cannot_say_that_it_was_cut() -> None:
    """What is added begins with the reason, wherever else these names stand."""
    forged = ((named.VALUE_NULL, b"true"), (REASON, b"mine"), (named.VALUE_BYTES, b"7"))
    assert set(added_headers(kept(Came(headers=forged)).headers)) == ALWAYS_ADDED


@given(
    st.none() | st.binary(max_size=200),
    st.none() | st.binary(max_size=20_000),
    st.lists(st.tuples(st.text(max_size=70), st.binary(max_size=70)), max_size=70),
)
def test_a_size_is_never_below_what_a_producer_reckons(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    """Else it would refuse what was cut to fit."""
    reckoned = DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, headers)
    assert reckoned <= size(key, value, tuple(headers)) <= reckoned + 20


def test_there_is_room_for_what_a_send_adds_where_records_are_set_aside() -> None:
    """A trace's context."""
    for topic in (DEAD_LETTERS, REJECTED):
        assert topic.max_message_bytes - LARGEST >= 1024
