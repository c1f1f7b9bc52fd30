"""Every Prometheus metric of the plane, declared once; units are seconds, labels never hold ids."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any, TypeVar, cast

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Buckets for what takes milliseconds."""
LONG = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 1800, 3600, 14400)
"""Buckets for jobs: milliseconds to hours."""

JOBS_IN_FLIGHT = Gauge("jobforge_jobs_in_flight", "Jobs that this worker has taken and not finished.")
JOB_ATTEMPTS = Counter("jobforge_job_attempts", "Finished attempts at jobs.", ["template", "outcome"])
JOB_RUN_SECONDS = Histogram(
    "jobforge_job_run_seconds", "From an attempt's start to its end.", ["template"], buckets=LONG
)
JOB_QUEUE_WAIT_SECONDS = Histogram(
    "jobforge_job_queue_wait_seconds", "From a job's acceptance to its attempt's start.", ["template"], buckets=LONG
)
PUBLISH_SECONDS = Histogram(
    "jobforge_publish_seconds", "From handing a record over to Kafka's acknowledgement.", ["topic"], buckets=QUICK
)
PUBLISH_ERRORS = Counter("jobforge_publish_errors", "Records that Kafka did not acknowledge.", ["topic", "error_type"])
CONSUMER_LAG = Gauge(
    "jobforge_consumer_lag_messages", "Records written and not yet read.", ["group", "topic", "partition"]
)
CONSUMER_REBALANCES = Counter("jobforge_consumer_rebalances", "Assignments that a group gave this member.", ["group"])
CONSUMER_RESETS = Counter(
    "jobforge_consumer_resets",
    "Times a group's position was not in the log any more, and reading went on at its first offset.",
    ["group", "topic", "reason"],
)
CONSUMER_RECORDS_LOST = Counter(
    "jobforge_consumer_records_lost", "Records that were deleted before a group had read them.", ["group", "topic"]
)
JOB_RETRIES = Counter("jobforge_job_retries", "Attempts that failed and are followed by another one.", ["reason"])
JOBS_MOVED = Counter(
    "jobforge_jobs_moved", "Requests moved to the slow lane: their tenant had its share of the window."
)
DEAD_LETTERS = Counter("jobforge_dlq_messages", "Job records sent to a dead letter topic.", ["reason"])
REJECTED = Counter("jobforge_rejected_messages", "Records sent to jobforge.rejected.", ["reason"])
HTTP_REQUESTS = Counter("jobforge_http_requests", "Answered requests.", ["route", "method", "status"])
HTTP_SECONDS = Histogram(
    "jobforge_http_request_seconds", "From a request's head to its answer.", ["route"], buckets=QUICK
)
RETRIES_WAITING = Gauge("jobforge_retries_waiting", "Records that this scheduler holds until they are due.", ["topic"])
RETRIES_MOVED = Counter("jobforge_retries_moved", "Records that were due and went back to their jobs topic.", ["topic"])
RETRIES_LATE_SECONDS = Histogram(
    "jobforge_retry_late_seconds", "From the moment a record was due until it was back.", ["topic"], buckets=QUICK
)
RUNS_CLOSED = Counter("jobforge_runs_closed", "Runs that the scheduler ended, since no worker would.", ["reason"])
REQUESTS_REPUBLISHED = Counter(
    "jobforge_requests_republished", "Accepted requests that nobody would have read again, put back by the scheduler."
)
TRIGGERS_FIRED = Counter("jobforge_triggers_fired", "Runs that triggers and schedules requested.", ["trigger"])
TRIGGERS_REFUSED = Counter(
    "jobforge_triggers_refused",
    "Events on which a trigger that wanted them did not act: a loop, or inputs that could not be mapped.",
    ["trigger", "reason"],
)
DEADLINES_LOOK_SECONDS = Histogram(
    "jobforge_deadlines_look_seconds", "How long one look at the runs that are due for one took.", buckets=QUICK
)
PROJECTION_RECORDS = Counter("jobforge_projection_records", "Records folded into the view.", ["topic"])
PROJECTION_GAPS = Counter("jobforge_projection_gaps", "Times the view was found to miss records and was rebuilt.")
ARTIFACTS_SWEPT = Counter(
    "jobforge_artifacts_swept", "Artifacts deleted because the manifest that ended their run does not name them."
)
ARTIFACT_BYTES_SWEPT = Counter("jobforge_artifact_bytes_swept", "Bytes of the artifacts that were deleted.")
TELEMETRY_DROPPED_SPANS = Counter(
    "jobforge_telemetry_dropped_spans", "Spans lost because the queue was full or the collector did not take them."
)
EVENT_LOOP_LAG_SECONDS = Histogram(
    "jobforge_event_loop_lag_seconds", "How late the event loop woke a sleeper, sampled all the time.", buckets=QUICK
)

LAG_SAMPLE_INTERVAL = 0.05
"""Seconds: a loop held for longer than this is always seen."""

M = TypeVar("M", bound=MetricWrapperBase)


@lru_cache(maxsize=1024)
def _child(metric: MetricWrapperBase, labels: tuple[str, ...]) -> MetricWrapperBase:
    return metric.labels(*labels)


def child(metric: M, *labels: str) -> M:
    """The metric with these label values, from a cache: half the price of ``labels`` on a hot path."""
    return cast(M, _child(metric, labels))


async def watch_loop_lag() -> None:
    """Sample the event loop's lag until cancelled."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def sleep() -> None:  # a timer: a task that sleeps would take twice as long for each sample
        nonlocal timer
        due = loop.time() + LAG_SAMPLE_INTERVAL
        timer = loop.call_at(due, wake, due)

    def wake(due: float) -> None:
        EVENT_LOOP_LAG_SECONDS.observe(max(0.0, loop.time() - due))
        sleep()

    sleep()
    try:
        await loop.create_future()
    finally:
        timer.cancel()


def metrics_route() -> ASGIApp:
    """An ASGI app that answers with every metric of the process."""
    return _Metrics()


class _Metrics:
    """An object, not a function: routers take functions for handlers of their own kind."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        accept = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"), "")
        encode, content_type = choose_encoder(accept)
        headers = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": encode(REGISTRY)})
