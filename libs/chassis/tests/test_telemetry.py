"""Spans: what they say, whom they descend from, and how they reach a collector."""

import threading
from collections.abc import Iterator

import pytest

from jobforge.chassis import conventions, span_export
from jobforge.chassis.spans import FinishedSpan
from jobforge.chassis.telemetry import CONSUMER, PRODUCER, SpanContext, Telemetry, TraceScope
from jobforge.chassis.wire import Headers, Record
from jobforge.contracts.identity import otel_root_span_id, otel_trace_id
from jobforge.testkit.collector import Collector, attributes, collecting

TRACE = "trace_1700000000000_abcdefghi"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def telemetry(collector: Collector) -> Iterator[Telemetry]:
    telemetry = Telemetry(
        service="settler",
        version="1.2.3",
        endpoint=collector.address,
        bootstrap="127.0.0.1:9092",
        environment={"OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20b", "OTEL_RESOURCE_ATTRIBUTES": "deployment=blue"},
    )
    telemetry.start()
    yield telemetry
    telemetry.stop(1)


def record(headers: Headers = ()) -> Record:
    return Record("jobforge.jobs.settler", 3, 42, b"k", b"v", headers, 0)


def test_the_root_span_has_the_ids_that_anybody_can_compute(telemetry: Telemetry, collector: Collector) -> None:
    """From the trace id alone: both ids; the root has no parent and says the app's own id."""
    context = telemetry.root_span(TRACE, {conventions.TENANT_ID: "acme"})
    telemetry.stop(5)

    root = collector.named("jobforge.trace")
    assert context == telemetry.root_context(TRACE) == SpanContext(otel_trace_id(TRACE), otel_root_span_id(TRACE))
    assert int.from_bytes(root.trace_id, "big") == context.trace_id
    assert int.from_bytes(root.span_id, "big") == context.span_id
    assert root.parent_span_id == b""
    assert attributes(root) == {"app.trace_id": TRACE, "jobforge.tenant_id": "acme"}


def test_a_hop_is_one_send_and_one_process_span(telemetry: Telemetry, collector: Collector) -> None:
    """``process`` is the child of the ``send`` whose header the record carries; ``send`` hangs under the root."""
    send = telemetry.send_span("jobforge.jobs.settler", scope=TraceScope(TRACE))
    header = ("traceparent", send.context.traceparent().encode())
    process = telemetry.process_span(
        record((header,)), group="settler", trace_id=TRACE, attributes={conventions.RUN_ID: "r-1"}
    )
    process.end()
    send.end()
    telemetry.stop(5)

    sent = collector.named("send jobforge.jobs.settler")
    processed = collector.named("process jobforge.jobs.settler")
    assert (sent.kind, processed.kind) == (PRODUCER, CONSUMER)
    assert int.from_bytes(sent.parent_span_id, "big") == otel_root_span_id(TRACE)
    assert processed.parent_span_id == sent.span_id
    assert processed.trace_id == sent.trace_id == otel_trace_id(TRACE).to_bytes(16, "big")
    assert not processed.links
    assert attributes(processed) == {
        "app.trace_id": TRACE,
        "jobforge.run_id": "r-1",
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "jobforge.jobs.settler",
        "messaging.destination.partition.id": "3",
        "messaging.kafka.offset": 42,
        "messaging.consumer.group.name": "settler",
        "messaging.client.id": "settler",
        "server.address": "127.0.0.1",
        "server.port": 9092,
    }


def test_a_foreign_traceparent_becomes_a_link(telemetry: Telemetry, collector: Collector) -> None:
    """An app's own tracing is pointed at; the plane's trace stays whole."""
    foreign = SpanContext(0xABC, 0xDEF)
    header = ("traceparent", foreign.traceparent().encode())
    telemetry.process_span(record((header,)), group="g", trace_id=TRACE).end()
    telemetry.stop(5)

    (span,) = collector.spans
    assert int.from_bytes(span.parent_span_id, "big") == otel_root_span_id(TRACE)
    assert [int.from_bytes(link.span_id, "big") for link in span.links] == [0xDEF]


def test_a_retry_no_longer_forgets_the_attempt_before(telemetry: Telemetry, collector: Collector) -> None:
    """Its span links to it, whoever sent the record."""
    before = SpanContext(otel_trace_id(TRACE), 0xABC)
    ours, foreign = SpanContext(otel_trace_id(TRACE), 0x123), SpanContext(0xABC, 0xDEF)
    for sender in (ours, foreign):
        header = ("traceparent", sender.traceparent().encode())
        telemetry.process_span(record((header,)), group="g", trace_id=TRACE, links=(before,)).end()
    telemetry.stop(5)
    linked = [[int.from_bytes(link.span_id, "big") for link in span.links] for span in collector.spans]
    assert linked == [[0xABC], [0xABC, 0xDEF]]


@pytest.mark.parametrize("header", [b"", b"00-zz", b"\xff\xfe", b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01"])
def test_a_broken_traceparent_is_as_good_as_none(telemetry: Telemetry, collector: Collector, header: bytes) -> None:
    """The span hangs under the root, without a link."""
    telemetry.process_span(record((("traceparent", header),)), group="g", trace_id=TRACE).end()
    telemetry.stop(5)
    (span,) = collector.spans
    assert int.from_bytes(span.parent_span_id, "big") == otel_root_span_id(TRACE)
    assert not span.links


def test_a_failed_span_says_which_error(telemetry: Telemetry, collector: Collector) -> None:
    """As ``error.type`` and as status; an exception that leaves a ``with`` block does the same, and goes on."""
    telemetry.span("a", trace_id=TRACE).end(error="job.timeout")
    with pytest.raises(ValueError, match="no"), telemetry.span("b", trace_id=TRACE):
        raise ValueError("no")
    telemetry.stop(5)
    assert [attributes(span)["error.type"] for span in collector.spans] == ["job.timeout", "ValueError"]
    assert all(span.status.code == 2 for span in collector.spans)


def test_a_span_is_recorded_once(telemetry: Telemetry, collector: Collector) -> None:
    """A second ``end`` and a late ``set`` change nothing."""
    span = telemetry.span("a", trace_id=TRACE)
    span.end()
    span.set("late", 1)
    span.end(error="late")
    telemetry.stop(5)
    assert "late" not in attributes(collector.named("a"))
    assert collector.named("a").status.code == 0


def test_the_resource_names_the_service(telemetry: Telemetry, collector: Collector) -> None:
    """Service, version, instance, host and SDK; the standard variables add to it, and headers are sent along."""
    telemetry.span("a", trace_id=TRACE).end()
    telemetry.stop(5)
    assert collector.resource["service.name"] == "settler"
    assert collector.resource["service.version"] == "1.2.3"
    assert collector.resource["deployment"] == "blue"
    assert {"service.instance.id", "host.name", "telemetry.sdk.name", "telemetry.sdk.language"} <= set(
        collector.resource
    )
    assert collector.headers[0]["x-key"] == "a b"
    assert collector.headers[0]["content-type"] == "application/x-protobuf"
    assert collector.paths == {"/v1/traces"}


def test_a_burst_arrives_whole_over_one_connection(telemetry: Telemetry, collector: Collector) -> None:
    """20,000 spans from four threads, none lost, through a kept-alive connection."""

    def burst() -> None:
        for _ in range(5_000):
            telemetry.span("a", trace_id=TRACE).end()

    threads = [threading.Thread(target=burst) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    telemetry.stop(30)
    assert len(collector.spans) == 20_000
    assert len({span.span_id for span in collector.spans}) == 20_000
    assert telemetry.dropped == 0
    assert len(collector.connections) == 1


def test_a_collector_that_hiccups_gets_the_spans_later(telemetry: Telemetry, collector: Collector) -> None:
    """503 and 429 are tried again; nothing is lost or doubled."""
    collector.answers = [503, 429]
    telemetry.span("a", trace_id=TRACE).end()
    telemetry.stop(10)
    assert [span.name for span in collector.spans] == ["a"]
    assert telemetry.dropped == 0


def test_spans_that_a_collector_refuses_are_counted(telemetry: Telemetry, collector: Collector) -> None:
    """A 400 is not tried again; a partial success counts what it says."""
    collector.answers = [400]
    telemetry.span("a", trace_id=TRACE).end()
    telemetry.stop(5)
    assert (collector.tries, telemetry.dropped) == (1, 1)

    collector.rejects = 3
    telemetry.start()
    telemetry.span("b", trace_id=TRACE).end()
    telemetry.stop(5)
    assert telemetry.dropped == 4


def test_a_full_queue_drops_the_newest_and_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded whatever the collector does."""
    monkeypatch.setattr(span_export, "QUEUE_LIMIT", 10)
    telemetry = Telemetry(service="s", version="1", endpoint="http://127.0.0.1:9", environment={})
    for _ in range(15):
        telemetry.span("a", trace_id=TRACE).end()
    assert telemetry.dropped == 5


def test_stopping_without_a_collector_keeps_its_time_limit() -> None:
    """A dead collector cannot hold up the end of a service; what was left is counted as dropped."""
    telemetry = Telemetry(service="s", version="1", endpoint="http://127.0.0.1:9", environment={})
    telemetry.start()
    telemetry.span("a", trace_id=TRACE).end()
    telemetry.stop(0.5)
    assert telemetry.dropped == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "span-export"]


@pytest.mark.parametrize(
    ("endpoint", "environment"),
    [(None, {}), ("", {}), ("http://127.0.0.1:9", {"OTEL_SDK_DISABLED": "true"})],
)
def test_without_a_collector_ids_are_made_and_nothing_is_kept(
    endpoint: str | None, environment: dict[str, str]
) -> None:
    """Contexts still travel, so another service's spans find their parents; no thread runs."""
    telemetry = Telemetry(service="s", version="1", endpoint=endpoint, environment=environment)
    telemetry.start()
    span = telemetry.process_span(record(), group="g", trace_id=TRACE)
    span.set("a", 1)
    span.end()
    assert not telemetry.recording
    assert span.context.trace_id == otel_trace_id(TRACE)
    assert telemetry.root_span(TRACE, {}) == telemetry.root_context(TRACE)
    telemetry.stop(0.1)
    assert telemetry.dropped == 0


def test_an_endpoint_that_is_none_is_refused() -> None:
    """The error names the variable."""
    with pytest.raises(ValueError, match="OTEL_EXPORTER_OTLP_ENDPOINT"):
        Telemetry(service="s", version="1", endpoint="127.0.0.1:4318", environment={})


def test_a_span_keeps_no_more_than_values() -> None:
    """What waits in the queue is a tuple: nothing of a job stays alive through it."""
    assert issubclass(FinishedSpan, tuple)


def test_a_send_span_keeps_the_links_of_its_scope() -> None:
    """Spans of other traces that a publish follows from are not lost."""
    telemetry = Telemetry(service="test", version="0", endpoint="http://127.0.0.1:9", environment={})
    ended: list[FinishedSpan] = []
    telemetry._sink = ended.append
    theirs = SpanContext(1, 2)
    telemetry.send_span("jobforge.jobs.settler", scope=TraceScope(TRACE, None, (theirs,))).end()
    assert [span.links for span in ended] == [(theirs,)]
