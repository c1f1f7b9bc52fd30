"""One OpenTelemetry trace for every trace id of an app: spans for each hop, exported over OTLP."""

import os
import platform
import random
from collections.abc import Mapping, Sequence
from importlib.metadata import version as installed
from time import time_ns
from urllib.parse import unquote
from uuid import uuid4

from jobforge.chassis import conventions as names
from jobforge.chassis.otlp import SpanEncoder
from jobforge.chassis.span_export import SpanExporter
from jobforge.chassis.spans import (
    CLIENT,
    CONSUMER,
    INTERNAL,
    PRODUCER,
    SERVER,
    AttributeValue,
    FinishedSpan,
    Shared,
    Sink,
    Span,
    SpanContext,
    TraceScope,
    root_context,
    trace_scope,
)
from jobforge.chassis.wire import Record

__all__ = [
    "CLIENT",
    "CONSUMER",
    "INTERNAL",
    "PRODUCER",
    "ROOT_SPAN",
    "SERVER",
    "TRACEPARENT",
    "AttributeValue",
    "Span",
    "SpanContext",
    "Telemetry",
    "TraceScope",
    "trace_scope",
]

ROOT_SPAN = "jobforge.trace"
TRACEPARENT = "traceparent"


class Telemetry:
    """Makes spans. Without an endpoint, or with ``OTEL_SDK_DISABLED=true``, ids are made and nothing is recorded.

    ``endpoint`` is ``OTEL_EXPORTER_OTLP_ENDPOINT``, such as ``http://127.0.0.1:4318``; ``bootstrap`` and
    ``client_id`` describe the Kafka client in messaging spans. ``OTEL_EXPORTER_OTLP_HEADERS`` and
    ``OTEL_RESOURCE_ATTRIBUTES`` are read from ``environment`` (the process's own unless given).
    """

    def __init__(
        self,
        *,
        service: str,
        version: str,
        endpoint: str | None,
        bootstrap: str | None = None,
        client_id: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        environment = os.environ if environment is None else environment
        disabled = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        self._random = random.Random()  # noqa: S311 - span ids need to be different, not secret
        self._kafka = _kafka_attributes(bootstrap, client_id or service)
        # As many as this service has topics, and partitions of them.
        self._sends: dict[str, Shared] = {}
        self._processes: dict[tuple[str, int, str], Shared] = {}
        self._exporter: SpanExporter | None = None
        self._sink: Sink | None = None
        if endpoint and not disabled:
            encoder = SpanEncoder(
                _resource(service, version, environment), scope="jobforge.chassis", scope_version=_chassis_version()
            )
            headers = _pairs(environment.get("OTEL_EXPORTER_OTLP_HEADERS", ""))
            self._exporter = SpanExporter(endpoint, encoder, headers=headers)
            self._sink = self._exporter.record

    @property
    def recording(self) -> bool:
        """Whether spans go anywhere."""
        return self._sink is not None

    @property
    def dropped(self) -> int:
        """Spans that were lost so far: the queue was full, or the collector could not be reached."""
        return self._exporter.dropped if self._exporter else 0

    def start(self) -> None:
        """Start exporting."""
        if self._exporter:
            self._exporter.start()

    def stop(self, timeout: float) -> None:
        """Export what is left, for at most ``timeout`` seconds. Blocks: call it after the event loop's work is done."""
        if self._exporter:
            self._exporter.stop(timeout)

    def root_context(self, trace_id: str) -> SpanContext:
        """The root span's context, from the app's trace id alone."""
        return root_context(trace_id)

    def root_span(self, trace_id: str, attributes: Mapping[str, AttributeValue]) -> SpanContext:
        """Emit the trace's root span ``jobforge.trace``; once a trace, which is for the caller to see to."""
        context = root_context(trace_id)
        if self._sink is not None:
            now = time_ns()
            described = {names.APP_TRACE_ID: trace_id, **attributes}
            self._sink(
                FinishedSpan(ROOT_SPAN, INTERNAL, context.trace_id, context.span_id, 0, now, now, described, (), None)
            )
        return context

    def span(
        self,
        name: str,
        *,
        kind: int = INTERNAL,
        trace_id: str,
        parent: SpanContext | None = None,
        links: Sequence[SpanContext] = (),
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> Span:
        """A span of the app's trace, under ``parent`` or, without one, under the root; end it yourself."""
        described: dict[str, AttributeValue] = {names.APP_TRACE_ID: trace_id}
        if attributes:
            described.update(attributes)
        return self._begin(name, kind, trace_id, parent, described, tuple(links), None)

    def send_span(
        self, topic: str, *, scope: TraceScope, attributes: Mapping[str, AttributeValue] | None = None
    ) -> Span:
        """``send <topic>``: from handing a record over until it is acknowledged; its context travels along."""
        shared = self._sends.get(topic)
        if shared is None:
            shared = self._sends[topic] = Shared(
                f"send {topic}",
                {
                    **self._kafka,
                    names.OPERATION_NAME: "send",
                    names.OPERATION_TYPE: "send",
                    names.DESTINATION_NAME: topic,
                },
            )
        described: dict[str, AttributeValue] = {names.APP_TRACE_ID: scope.trace_id}
        if attributes:
            described.update(attributes)
        return self._begin(shared.name, PRODUCER, scope.trace_id, scope.parent, described, scope.links, shared)

    def process_span(
        self,
        record: Record,
        *,
        group: str,
        trace_id: str,
        attributes: Mapping[str, AttributeValue] | None = None,
        links: tuple[SpanContext, ...] = (),
    ) -> Span:
        """``process <topic>``: one record being worked on.

        Its parent is the record's ``traceparent`` when that belongs to the same trace; a foreign one becomes a link,
        and the span then hangs under the trace's root. ``links`` are kept beside it.
        """
        sent = SpanContext.parse(record.header(TRACEPARENT))
        ours = sent is not None and sent.trace_id == root_context(trace_id).trace_id
        hop = (record.topic, record.partition, group)
        shared = self._processes.get(hop)
        if shared is None:
            shared = self._processes[hop] = Shared(f"process {record.topic}", self._processing(*hop))
        described: dict[str, AttributeValue] = {names.APP_TRACE_ID: trace_id, names.KAFKA_OFFSET: record.offset}
        if attributes:
            described.update(attributes)
        if sent is not None and not ours:
            links = (*links, sent)
        return self._begin(shared.name, CONSUMER, trace_id, sent if ours else None, described, links, shared)

    def _processing(self, topic: str, partition: int, group: str) -> dict[str, AttributeValue]:
        return {
            **self._kafka,
            names.OPERATION_NAME: "process",
            names.OPERATION_TYPE: "process",
            names.DESTINATION_NAME: topic,
            names.DESTINATION_PARTITION_ID: str(partition),
            names.CONSUMER_GROUP_NAME: group,
        }

    def _begin(
        self,
        name: str,
        kind: int,
        trace_id: str,
        parent: SpanContext | None,
        attributes: dict[str, AttributeValue],
        links: tuple[SpanContext, ...],
        shared: Shared | None,
    ) -> Span:
        above = parent or root_context(trace_id)
        context = SpanContext(above.trace_id, self._random.getrandbits(64) or 1)
        return Span(name, kind, context, above.span_id, attributes, links, self._sink, shared)


def _kafka_attributes(bootstrap: str | None, client_id: str) -> dict[str, AttributeValue]:
    described: dict[str, AttributeValue] = {names.MESSAGING_SYSTEM: names.KAFKA, names.CLIENT_ID: client_id}
    # With several bootstrap servers nobody knows which one answered, and the convention wants the one that did.
    if bootstrap and "," not in bootstrap:
        host, _, port = bootstrap.rpartition(":")
        described[names.SERVER_ADDRESS] = host.strip("[]") or bootstrap
        if host and port.isdigit():
            described[names.SERVER_PORT] = int(port)
    return described


def _resource(service: str, version: str, environment: Mapping[str, str]) -> dict[str, AttributeValue]:
    return {
        **_pairs(environment.get("OTEL_RESOURCE_ATTRIBUTES", "")),
        names.SERVICE_NAME: service,
        names.SERVICE_VERSION: version,
        names.SERVICE_INSTANCE_ID: str(uuid4()),
        names.HOST_NAME: platform.node(),
        names.SDK_NAME: "jobforge",
        names.SDK_LANGUAGE: "python",
        names.SDK_VERSION: _chassis_version(),
    }


def _pairs(text: str) -> dict[str, str]:
    """``a=b,c=d`` with percent-encoded values, as the OTEL_* variables write it."""
    pairs = (part.partition("=") for part in text.split(",") if "=" in part)
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs}


def _chassis_version() -> str:
    return installed("jobforge-chassis")
