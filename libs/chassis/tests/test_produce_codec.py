"""The quick way to write and read produce requests says what aiokafka's own says."""

from io import BytesIO
from typing import Any

import pytest
from aiokafka.protocol.produce import ProduceRequest_v2, ProduceRequest_v7, ProduceResponse_v2, ProduceResponse_v7
from aiokafka.protocol.types import Array, Bytes, Int16, Int32, Int64, Schema, String
from hypothesis import given, settings
from hypothesis import strategies as st

from jobforge.chassis.fetch_codec import replaced
from jobforge.chassis.produce_codec import SentSchema, SentTopics, WrittenTopics, install

SENT = Array(("topic", String("utf-8")), ("partitions", Array(("partition", Int32), ("messages", Bytes))))
WRITTEN = Array(
    ("topic", String("utf-8")),
    (
        "partitions",
        Array(
            ("partition", Int32),
            ("error_code", Int16),
            ("offset", Int64),
            ("timestamp", Int64),
            ("log_start_offset", Int64),
        ),
    ),
)
numbers, offsets = st.integers(-1, 2**31 - 1), st.integers(-1, 2**63 - 1)
names = st.sampled_from(["jobforge.runs", "jobforge.jobs.echo.slow", "x"])
sent = st.lists(st.tuples(names, st.lists(st.tuples(numbers, st.binary(max_size=50)), max_size=4)), max_size=4)
written = st.lists(
    st.tuples(
        names, st.lists(st.tuples(numbers, st.integers(-1, 99), offsets, offsets, offsets), min_size=1, max_size=4)
    ),
    max_size=4,
)


def test_the_protocol_is_the_one_this_was_written_for() -> None:
    """The schemas of version 7; those before transactions keep aiokafka's own way."""
    install()
    install()
    for schema, codec in ((ProduceRequest_v7.SCHEMA, SentTopics), (ProduceResponse_v7.SCHEMA, WrittenTopics)):
        assert isinstance(schema.fields[schema.names.index("topics")], codec)
    for other in (ProduceRequest_v2, ProduceResponse_v2):
        assert not any(isinstance(field, SentTopics | WrittenTopics) for field in other.SCHEMA.fields)


@given(sent)
def test_a_request_is_the_same_bytes(topics: list[Any]) -> None:
    """Whatever is written."""
    assert SentTopics().encode(topics) == SENT.encode(topics)


@given(st.none() | st.sampled_from(["", "transaction"]), st.integers(-1, 1), st.integers(0, 2**31 - 1), sent)
def test_a_whole_request_is_the_same_bytes(transaction: str | None, acks: int, timeout: int, topics: list[Any]) -> None:
    """Whatever is written, and however."""
    item, schema = [transaction, acks, timeout, topics], ProduceRequest_v7.SCHEMA
    assert replaced(schema, SentSchema()).encode(item) == Schema.encode(schema, item)


@given(written, st.binary(max_size=8))
def test_a_response_says_the_same(topics: list[Any], rest: bytes) -> None:
    """And what comes after it is left to be read."""
    data = BytesIO(b"head" + WRITTEN.encode(topics) + rest)
    data.seek(4)
    assert WrittenTopics().decode(data) == topics
    assert data.read() == rest


@settings(deadline=None)
@given(written, st.data())
def test_a_response_that_ends_too_early_is_an_error(topics: list[Any], data: st.DataObject) -> None:
    """Never half an answer taken for a whole one."""
    whole = WRITTEN.encode(topics)
    size = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="ends too early"):
        WrittenTopics().decode(BytesIO(whole[:size]))
