"""No event stops the feed: whatever it says, it becomes a row or is passed over."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jobforge.keys.feed import TOPIC
from jobforge.keys.rows import Batch, to_files, usable

Anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=300),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)
"""What JSON can hold, and a little more."""
MOST_INT64 = 2**63 - 1


@settings(max_examples=150)
@given(Anything, Anything, Anything)
def test_usage_is_proper_or_not_usable(key: Any, requests: Any, transferred: Any) -> None:
    """What is usable fits into a file's columns."""
    found = usable({"key_id": key, "requests": requests, "bytes_transferred": transferred})
    if found is not None:
        assert found == (key, requests, transferred)
        assert all(isinstance(number, int) and 0 <= number <= MOST_INT64 for number in found[1:])


def test_events_at_the_edges_of_what_json_and_the_calendar_allow_are_stored_or_passed_over(
    usage: Callable[..., bytes],
) -> None:
    """The records after them are stored as ever."""
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    plain = json.loads(usage(at=noon))
    odd: list[dict[str, Any]] = [
        {"occurred_at": "0001-01-01T00:00:00Z"},
        {"occurred_at": "0001-01-01T00:00:00+14:00"},
        {"occurred_at": "9999-12-31T23:59:59.999999Z"},
        {"received_at": "9999-12-31T23:59:59.999999Z"},
        {"payload": {"key_id": "\ud800", "requests": 1, "bytes_transferred": 1}},
        {"payload": {"key_id": "\x00", "requests": 10**400, "bytes_transferred": float("nan")}},
        {"tenant_id": "../globex"},
    ]
    values: list[bytes | None] = [None, b"", b"\xff", *(json.dumps(plain | each).encode() for each in odd)]
    written = to_files([Batch(TOPIC, 0, list(enumerate([*values, usage(at=noon)])))])
    assert len(written.unreadable) == 6
    assert sorted(path.rpartition("/")[0] for path in written.files) == [
        "usage/acme/0001-01-01/00",
        "usage/acme/2026-11-23/12",
        "usage/acme/9999-12-31/23",
    ]
