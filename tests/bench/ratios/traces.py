"""Whether spans were lost: Jaeger's own count of what it stored, the services' counts of what they dropped, and traces
read back."""

import os
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
from prometheus_client.parser import text_string_to_metric_families

from jobforge.contracts.identity import otel_trace_id
from jobforge.native.ports import LOOPBACK, free_ports
from jobforge.testkit.waiting import until

KEPT = 20_000
"""Traces that Jaeger holds: as many as one pair needs to be read back, and little memory."""
SAMPLE = 50
"""Traces read back after each phase."""
PATIENCE = 20.0
"""Seconds for spans that are under way; Jaeger shows them about a second after they ended."""

JOB_SPANS = [
    "jobforge.trace",
    "process jobforge.jobs.echo",
    "process jobforge.runs",
    "send jobforge.jobs.echo",
    "send jobforge.manifests",
    "send jobforge.runs",
]
"""The names of the spans of one job, in order."""


def count_in_jaeger() -> str:
    """Make a Jaeger that is started after this count what it stores; returns the address of its metrics."""
    [port] = free_ports(1)
    os.environ["JOBFORGE_JAEGER_METRICS"] = "basic"
    os.environ["JOBFORGE_JAEGER_METRICS_PORT"] = str(port)
    os.environ["JOBFORGE_JAEGER_MAX_TRACES"] = str(KEPT)
    return f"http://{LOOPBACK}:{port}/metrics"


@dataclass(slots=True)
class Sample:
    """Traces that were read back, and those of them that were not whole."""

    jaeger_url: str
    read: int = 0
    incomplete: list[str] = field(default_factory=list)

    async def take(self, trace_ids: Sequence[str]) -> None:
        """Read some of these traces, for as long as they may still be growing."""
        chosen = random.sample(trace_ids, min(SAMPLE, len(trace_ids)))
        growing = set(chosen)
        async with httpx.AsyncClient(base_url=self.jaeger_url, timeout=10) as http:

            async def all_whole() -> bool:
                for trace_id in sorted(growing):
                    if await _whole(http, trace_id):
                        growing.remove(trace_id)
                return not growing

            await _within_patience(all_whole)
        self.read += len(chosen)
        self.incomplete += growing


async def stored(metrics_url: str, *, at_least: int = 0) -> int:
    """How many spans Jaeger has stored; waits a while until they are so many."""
    counted = 0

    async def enough() -> bool:
        nonlocal counted
        counted = await _counted([metrics_url], "otelcol_exporter_sent_spans")
        return counted >= at_least

    await _within_patience(enough)
    return counted


async def dropped(service_urls: Iterable[str]) -> int:
    """How many spans the services know that they lost."""
    return await _counted([f"{url}/metrics" for url in service_urls], "jobforge_telemetry_dropped_spans")


async def _counted(urls: Iterable[str], name: str) -> int:
    async with httpx.AsyncClient(timeout=10) as http:
        texts = [(await http.get(url)).raise_for_status().text for url in urls]
    families = [family for text in texts for family in text_string_to_metric_families(text) if family.name == name]
    return int(sum(sample.value for family in families for sample in family.samples if "created" not in sample.name))


async def _whole(http: httpx.AsyncClient, trace_id: str) -> bool:
    answer = await http.get(f"/api/v3/traces/{otel_trace_id(trace_id):032x}")
    if answer.status_code != httpx.codes.OK:
        return False
    scopes = [scope for found in answer.json()["result"]["resourceSpans"] for scope in found["scopeSpans"]]
    return whole([span for scope in scopes for span in scope["spans"]])


def whole(spans: Sequence[dict[str, str]]) -> bool:
    """Whether these are the spans of one job, below one root and with no parent missing."""
    ids = {span["spanId"] for span in spans}
    parents = [span.get("parentSpanId", "") for span in spans]
    complete = sorted(span["name"] for span in spans) == JOB_SPANS
    return complete and parents.count("") == 1 and all(parent in ids for parent in parents if parent)


async def _within_patience(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it is so, or until there is no more hope."""
    with suppress(TimeoutError):
        await until(condition, timeout=PATIENCE, every=0.2)
