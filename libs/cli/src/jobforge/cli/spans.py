"""A trace's spans, fetched from Jaeger when all of them have arrived."""

import os
import time
from dataclasses import dataclass
from typing import Any

import httpx

DEFAULT_JAEGER_URL = "http://127.0.0.1:16686"


@dataclass(frozen=True, slots=True)
class Spans:
    """A trace as Jaeger answers it (OTLP JSON), and what matters of it."""

    document: dict[str, Any]
    services: frozenset[str]
    count: int
    roots: int
    orphans: int
    """Spans whose parent is not (yet) there."""

    def complete(self, services: frozenset[str]) -> bool:
        """Whether these services are in it, below one root, with no parent missing."""
        return services <= self.services and self.roots == 1 and self.orphans == 0


def jaeger_url() -> str:
    """Where Jaeger answers."""
    return (os.environ.get("JOBFORGE_JAEGER_URL") or DEFAULT_JAEGER_URL).rstrip("/")


def fetch(otel_trace_id: str, *, services: frozenset[str], patience: float) -> Spans | None:
    """The trace, asked for until it is complete or ``patience`` seconds are over; None when no Jaeger answers."""
    end = time.monotonic() + patience
    found: Spans | None = None
    try:
        with httpx.Client(base_url=jaeger_url(), timeout=5) as http:
            while True:
                response = http.get(f"/api/v3/traces/{otel_trace_id}")
                if response.is_success:
                    found = read(response.json())
                if (found is not None and found.complete(services)) or time.monotonic() >= end:
                    return found or read({})
                time.sleep(0.5)
    except (httpx.TransportError, ValueError):
        return found


def read(document: dict[str, Any]) -> Spans:
    """What matters of Jaeger's answer: ``{"result": {"resourceSpans": [...]}}``."""
    services: set[str] = set()
    parents: dict[str, str] = {}
    for resource in document.get("result", document).get("resourceSpans", []):
        for scope in resource.get("scopeSpans", []):
            for span in scope.get("spans", []):
                parents[span["spanId"]] = span.get("parentSpanId", "")
                services.add(_service(resource))
    return Spans(
        document=document,
        services=frozenset(services),
        count=len(parents),
        roots=sum(not parent for parent in parents.values()),
        orphans=sum(bool(parent) and parent not in parents for parent in parents.values()),
    )


def _service(resource: dict[str, Any]) -> str:
    for attribute in resource.get("resource", {}).get("attributes", []):
        if attribute.get("key") == "service.name":
            return str(attribute.get("value", {}).get("stringValue", "?")).removeprefix("jobforge-")
    return "?"
