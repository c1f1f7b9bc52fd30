"""Our OTLP bytes mean what opentelemetry-proto says they mean."""

import math

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from jobforge.chassis.conventions import SCHEMA_URL
from jobforge.chassis.otlp import SpanEncoder, rejected_spans
from jobforge.chassis.spans import AttributeValue, FinishedSpan, Shared, SpanContext

ENCODER = SpanEncoder({"service.name": "settler", "n": 3}, scope="jobforge.chassis", scope_version="1")

texts = st.text(st.characters(codec="utf-8"))
ids64, ids128 = st.integers(1, 2**64 - 1), st.integers(1, 2**128 - 1)
values = st.one_of(texts, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
spans = st.builds(
    FinishedSpan,
    name=texts,
    kind=st.integers(1, 5),
    trace_id=ids128,
    span_id=ids64,
    parent_id=st.one_of(st.just(0), ids64),
    started=st.integers(0, 2**63),
    ended=st.integers(0, 2**63),
    attributes=st.dictionaries(texts, values, max_size=6),
    links=st.lists(st.builds(SpanContext, ids128, ids64), max_size=3).map(tuple),
    error=st.one_of(st.none(), texts),
    shared=st.one_of(
        st.none(), st.builds(Shared, texts, st.dictionaries(texts.map("shared.".__add__), values, max_size=4))
    ),
)


def _plain(value: AnyValue) -> AttributeValue:
    kind = value.WhichOneof("value")
    assert kind is not None
    found: AttributeValue = getattr(value, kind)
    return found


@given(st.lists(spans, max_size=5))
def test_any_spans_decode_to_themselves(batch: list[FinishedSpan]) -> None:
    """Every field that we write by hand is read back by the published schema, and nothing is left over."""
    decoded = ExportTraceServiceRequest.FromString(ENCODER.request(map(ENCODER.span, batch)))
    (resource,) = decoded.resource_spans
    (scope,) = resource.scope_spans
    assert {kv.key: _plain(kv.value) for kv in resource.resource.attributes} == {"service.name": "settler", "n": 3}
    assert (resource.schema_url, scope.schema_url, scope.scope.name) == (SCHEMA_URL, SCHEMA_URL, "jobforge.chassis")
    assert len(scope.spans) == len(batch)
    for sent, got in zip(batch, scope.spans, strict=True):
        described = {**sent.attributes, **(sent.shared.attributes if sent.shared else {})}
        assert int.from_bytes(got.trace_id, "big") == sent.trace_id
        assert int.from_bytes(got.span_id, "big") == sent.span_id
        assert int.from_bytes(got.parent_span_id, "big") == sent.parent_id
        assert (got.name, int(got.kind)) == (sent.name, sent.kind)
        assert got.start_time_unix_nano == sent.started
        assert got.end_time_unix_nano == max(sent.started, sent.ended)
        attributes = {kv.key: _plain(kv.value) for kv in got.attributes}
        assert attributes == described
        assert {name: type(value) for name, value in attributes.items()} == {
            name: type(value) for name, value in described.items()
        }
        assert [(int.from_bytes(k.trace_id, "big"), int.from_bytes(k.span_id, "big")) for k in got.links] == [
            (link.trace_id, link.span_id) for link in sent.links
        ]
        assert got.status.code == (0 if sent.error is None else 2)
        assert got.flags == 0x101
        assert all(link.flags == 0x301 for link in got.links)


def test_odd_values_never_cost_the_batch() -> None:
    """Integers beyond 64 bits, NaN and lone surrogates are written as something readable."""
    odd: dict[str, AttributeValue] = {"big": 2**70, "nan": math.nan, "surrogate": "\ud800"}
    span = FinishedSpan("x", 1, 1, 1, 0, 0, 0, odd, (), None)
    decoded = ExportTraceServiceRequest.FromString(ENCODER.request([ENCODER.span(span)]))
    got = {kv.key: _plain(kv.value) for kv in decoded.resource_spans[0].scope_spans[0].spans[0].attributes}
    assert got["surrogate"] == "?"
    assert math.isnan(float(got["nan"]))


def test_a_partial_success_says_how_many_were_refused() -> None:
    """What a collector answers is counted; an answer that is not OTLP counts as success."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 7
    assert rejected_spans(answer.SerializeToString()) == 7
    assert rejected_spans(b"") == 0
    assert rejected_spans(b"<html>") == 0
