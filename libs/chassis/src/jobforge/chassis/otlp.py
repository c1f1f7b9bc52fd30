"""Spans as OTLP protobuf bytes; pure, and cheap enough for a thread beside the event loop."""

from collections.abc import Iterable, Mapping

from google.protobuf.message import DecodeError
from jobforge.chassis.conventions import SCHEMA_URL
from jobforge.chassis.spans import AttributeValue, FinishedSpan
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

SAMPLED = 0x01
IS_REMOTE_KNOWN = 0x100
IS_REMOTE = 0x200


class SpanEncoder:
    """Encodes spans of one resource."""

    def __init__(self, resource: Mapping[str, AttributeValue], *, scope: str, scope_version: str) -> None:
        described = Resource(attributes=[_attribute(name, value) for name, value in resource.items()])
        instrumentation = InstrumentationScope(name=scope, version=scope_version)
        self._resource = _field(1, described.SerializeToString())
        self._resource_schema = _field(3, SCHEMA_URL.encode())
        self._scope = _field(1, instrumentation.SerializeToString())
        self._scope_schema = _field(3, SCHEMA_URL.encode())

    def span(self, span: FinishedSpan) -> bytes:
        """One span, as an element of ``ScopeSpans.spans``."""
        trace_id = span.trace_id.to_bytes(16, "big")
        message = Span(
            trace_id=trace_id,
            span_id=span.span_id.to_bytes(8, "big"),
            flags=SAMPLED | IS_REMOTE_KNOWN,
            name=span.name,
            kind=span.kind,  # type: ignore[arg-type]  # the numbers of spans.py are the enum's own
            start_time_unix_nano=span.started,
            end_time_unix_nano=max(span.ended, span.started),
            attributes=[_attribute(name, value) for name, value in span.attributes.items()],
        )
        if span.parent_id:
            message.parent_span_id = span.parent_id.to_bytes(8, "big")
        for link in span.links:
            message.links.add(
                trace_id=link.trace_id.to_bytes(16, "big"),
                span_id=link.span_id.to_bytes(8, "big"),
                flags=SAMPLED | IS_REMOTE_KNOWN | IS_REMOTE,
            )
        if span.error is not None:
            message.status.code = Status.STATUS_CODE_ERROR
        return _field(2, message.SerializeToString())

    def request(self, spans: Iterable[bytes]) -> bytes:
        """An ``ExportTraceServiceRequest`` around spans that ``span`` encoded."""
        scope_spans = b"".join((self._scope, *spans, self._scope_schema))
        resource_spans = b"".join((self._resource, _field(2, scope_spans), self._resource_schema))
        return _field(1, resource_spans)


def rejected_spans(answer: bytes) -> int:
    """How many spans a collector's 200 says it did not take; 0 when the answer cannot be read."""
    try:
        return ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
    except DecodeError:
        return 0


def _attribute(name: str, value: AttributeValue) -> KeyValue:
    if isinstance(value, str):
        return KeyValue(key=name, value=AnyValue(string_value=value))
    if isinstance(value, bool):
        return KeyValue(key=name, value=AnyValue(bool_value=value))
    if isinstance(value, int):
        return KeyValue(key=name, value=AnyValue(int_value=value))
    return KeyValue(key=name, value=AnyValue(double_value=value))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field; messages that hold each other are joined without decoding them again."""
    length, head = len(content), bytearray((number << 3 | 2,))
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + content
