"""A collector of spans for tests: a real HTTP server that speaks OTLP and can be told to misbehave."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What arrived. ``answers`` are the statuses of the next requests; then 200."""

    address: str = ""
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    answers: list[int] = field(default_factory=list)
    rejects: int = 0
    """Spans that each 200 says it did not take."""
    tries: int = 0

    @property
    def spans(self) -> list[Span]:
        """Every span that arrived."""
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def named(self, name: str) -> Span:
        """The one span of that name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    @property
    def resource(self) -> dict[str, Any]:
        """The attributes of the resource that sent the first request."""
        return attributes(self.requests[0].resource_spans[0].resource)


def attributes(described: Any) -> dict[str, Any]:
    """A span's or resource's attributes as plain values."""
    return {kv.key: getattr(kv.value, kv.value.WhichOneof("value")) for kv in described.attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on a free port."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.tries += 1
            collector.connections.add(self.client_address)
            collector.paths.add(self.path)
            status = collector.answers.pop(0) if collector.answers else 200
            answer = b""
            if status == 200:
                collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                collector.requests.append(ExportTraceServiceRequest.FromString(body))
                response = ExportTraceServiceResponse()
                response.partial_success.rejected_spans = collector.rejects
                answer = response.SerializeToString()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
