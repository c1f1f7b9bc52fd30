"""The quick way to write and read fetches says what aiokafka's own says."""

from io import BytesIO
from typing import Any

import pytest
from aiokafka.protocol.fetch import FetchRequest_v5, FetchRequest_v11, FetchResponse_v5, FetchResponse_v11
from aiokafka.protocol.types import Array, Bytes, Int16, Int32, Int64, Schema, String
from hypothesis import given, settings
from hypothesis import strategies as st

from jobforge.chassis.fetch_codec import AskedSchema, AskedTopics, ToldTopics, install, replaced

ASKED = Array(
    ("topic", String("utf-8")),
    (
        "partitions",
        Array(
            ("partition", Int32),
            ("current_leader_epoch", Int32),
            ("fetch_offset", Int64),
            ("log_start_offset", Int64),
            ("max_bytes", Int32),
        ),
    ),
)
TOLD = Array(
    ("topics", String("utf-8")),
    (
        "partitions",
        Array(
            ("partition", Int32),
            ("error_code", Int16),
            ("highwater_offset", Int64),
            ("last_stable_offset", Int64),
            ("log_start_offset", Int64),
            ("aborted_transactions", Array(("producer_id", Int64), ("first_offset", Int64))),
            ("preferred_read_replica", Int32),
            ("message_set", Bytes),
        ),
    ),
)
numbers, offsets = st.integers(-1, 2**31 - 1), st.integers(-1, 2**63 - 1)
names = st.sampled_from(["jobforge.runs", "jobforge.jobs.echo.slow", "x"])
asked = st.lists(
    st.tuples(names, st.lists(st.tuples(numbers, numbers, offsets, offsets, numbers), max_size=4)), max_size=4
)
forgotten = st.lists(st.tuples(names, st.lists(numbers, max_size=3)), max_size=3)
aborted = st.none() | st.lists(st.tuples(offsets, offsets), max_size=3)
told = st.lists(
    st.tuples(
        names,
        st.lists(
            st.tuples(numbers, st.integers(0, 99), offsets, offsets, offsets, aborted, numbers, st.binary(max_size=50)),
            max_size=4,
        ),
    ),
    max_size=4,
)


def test_the_protocol_is_the_one_this_was_written_for() -> None:
    """The schemas of version 11, before anything is replaced; other versions keep aiokafka's own way."""
    assert FetchResponse_v11.SCHEMA.names == ("throttle_time_ms", "error_code", "session_id", "topics")
    install()
    install()
    at = FetchResponse_v11.SCHEMA.names.index("topics")
    assert isinstance(FetchResponse_v11.SCHEMA.fields[at], ToldTopics)
    for other in (FetchRequest_v5, FetchResponse_v5):
        assert not any(isinstance(field, AskedTopics | ToldTopics) for field in other.SCHEMA.fields)


@given(asked)
def test_a_request_is_the_same_bytes(topics: list[Any]) -> None:
    """Whatever is asked for."""
    assert AskedTopics().encode(topics) == ASKED.encode(topics)


@given(st.lists(numbers, min_size=4, max_size=4), st.integers(0, 1), numbers, numbers, asked, forgotten)
def test_a_whole_request_is_the_same_bytes(
    head: list[int], isolation: int, session: int, epoch: int, topics: list[Any], left: list[Any]
) -> None:
    """Whatever is asked for, and however."""
    item = [*head, isolation, session, epoch, topics, left, "rack"]
    assert replaced(FetchRequest_v11.SCHEMA, AskedSchema()).encode(item) == Schema.encode(FetchRequest_v11.SCHEMA, item)


@given(told, st.binary(max_size=8))
def test_a_response_says_the_same_but_for_partitions_with_nothing_new(topics: list[Any], rest: bytes) -> None:
    """Errors are always told; and what comes after it is left to be read."""
    data = BytesIO(b"head" + TOLD.encode(topics) + rest)
    data.seek(4)
    found = ToldTopics().decode(data)
    assert data.read() == rest
    news = [(topic, [one for one in partitions if one[1] or one[-1]]) for topic, partitions in topics]
    assert found == [(topic, partitions) for topic, partitions in news if partitions]


@settings(deadline=None)
@given(told, st.data())
def test_a_response_that_ends_too_early_is_an_error(topics: list[Any], data: st.DataObject) -> None:
    """Never half an answer taken for a whole one: aiokafka closes the connection and asks again."""
    whole = TOLD.encode(topics)
    size = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="ends too early"):
        ToldTopics().decode(BytesIO(whole[:size]))
