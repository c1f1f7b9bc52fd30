"""Log lines: one JSON object each, with the trace they belong to and without secrets."""

import io
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
import structlog

from jobforge.chassis.logs import BROKER_LOGGER, bound_contextvars, configure_logging, get_logger
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import SpanContext, TraceScope, trace_scope
from jobforge.chassis.wire import Clock
from jobforge.contracts.identity import otel_trace_id

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def configured(
    log_level: Literal["debug", "info", "warning", "error"] = "info", clock: Clock = time.monotonic
) -> Lines:
    stream = io.StringIO()
    configure_logging(Settings(log_level=log_level), "settler", stream=stream, clock=clock)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object() -> None:
    """Time, level, event and service first, then what was said with it."""
    lines = configured()
    get_logger().info("run.succeeded", run_id="r-1", seconds=0.5)
    (line,) = lines()
    assert list(line)[:4] == ["timestamp", "level", "event", "service"]
    assert (line["level"], line["event"], line["service"]) == ("info", "run.succeeded", "settler")
    assert (line["run_id"], line["seconds"]) == ("r-1", 0.5)
    assert line["timestamp"].endswith("Z")


def test_a_line_says_which_trace_and_run_it_belongs_to() -> None:
    """The app's trace id, the 32 hex digits that Jaeger knows it by, the span, and what was bound."""
    lines = configured()
    token = trace_scope.set(TraceScope("t-1", SpanContext(otel_trace_id("t-1"), 0xAB)))
    with bound_contextvars(run_id="r-1", tenant_id="acme"):
        get_logger().info("inside")
        logging.getLogger("somebody.else").warning("inside, too")
    trace_scope.reset(token)
    get_logger().info("outside")
    inside, foreign, outside = lines()
    for line in (inside, foreign):
        assert line["app_trace_id"] == "t-1"
        assert line["trace_id"] == f"{otel_trace_id('t-1'):032x}"
        assert line["span_id"] == "00000000000000ab"
        assert (line["run_id"], line["tenant_id"]) == ("r-1", "acme")
    assert not {"app_trace_id", "trace_id", "span_id", "run_id"} & set(outside)


def test_libraries_write_in_the_same_form() -> None:
    """uvicorn, FastStream and aiokafka lose their own handlers; the access log is quiet."""
    for name in ("uvicorn", "uvicorn.access", "faststream", BROKER_LOGGER):
        logger = logging.getLogger(name)
        logger.addHandler(logging.StreamHandler(sys.stderr))
        logger.propagate = False
    lines = configured()
    logging.getLogger("uvicorn.error").info("Started %s", "server", extra={"color_message": "noise"})
    logging.getLogger("uvicorn.access").info("GET /livez 200")
    logging.getLogger("aiokafka.consumer").info("chatter")
    logging.getLogger("aiokafka.consumer").error("Kafka error occurred")
    logging.getLogger("faststream").info("starting")
    logging.getLogger(BROKER_LOGGER).error("handler failed", extra={"topic": "jobforge.runs"})
    found = lines()
    assert [line["event"] for line in found] == ["Started server", "Kafka error occurred", "starting", "handler failed"]
    assert [line["logger"] for line in found][:2] == ["uvicorn.error", "aiokafka.consumer"]
    assert found[3]["topic"] == "jobforge.runs"
    assert "color_message" not in found[0]


def test_an_exception_is_one_line_with_its_type() -> None:
    """From our own events and from libraries alike, chained causes included, and never printed twice."""
    lines = configured()
    for write in (get_logger().exception, logging.getLogger("lib").exception):
        try:
            try:
                raise KeyError("inner")
            except KeyError as error:
                raise ValueError("outer") from error
        except ValueError:
            write("it.failed")
    for line in lines():
        assert (line["event"], line["level"], line["error_type"]) == ("it.failed", "error", "ValueError")
        assert "KeyError: 'inner'" in line["exception"]


SECRET = "s3cr3t-value"


@pytest.mark.parametrize(
    "said",
    [
        {"policy_token": SECRET},
        {"JOBFORGE_POLICY_TOKEN_SECRET": SECRET},
        {"api_key": SECRET},
        {"apiKey": SECRET},
        {"headers": {"Authorization": f"Bearer {SECRET}"}},
        {"headers": {"X-Api-Key": SECRET}},
        {"aws": [{"AWS_SECRET_ACCESS_KEY": SECRET}]},
        {"url": f"redis://user:{SECRET}@host:6379/0"},
        {"url": f"redis://:{SECRET}@host"},
        {"text": f"policy_token={SECRET}&x=1"},
        {"text": f'{{"policy_token": "{SECRET}"}}'},
        {"text": f"authorization: bearer {SECRET}"},
        {"sasl_plain_password": SECRET},
        {"error": ValueError(f"cannot reach s3://key:{SECRET}@bucket")},
    ],
)
def test_a_secret_is_never_written(said: dict[str, Any]) -> None:
    """By its field's name or by its shape, at any depth, in our events and in a library's message."""
    lines = configured()
    get_logger().info("something", **said)
    logging.getLogger("lib").warning("said %s", said)
    try:
        raise RuntimeError(str(said))
    except RuntimeError:
        get_logger().exception("failed")
    written = json.dumps(lines())
    assert SECRET not in written
    assert "[redacted]" in written


def test_what_is_no_secret_is_left_alone() -> None:
    """Counts, ids and addresses stay readable."""
    lines = configured()
    said = {"tokens": 5, "max_tokens": "512", "key": "acme:r-1", "idempotency_key": "k", "url": "http://host:80/a@b"}
    get_logger().info("something", **said)
    (line,) = lines()
    assert {name: line[name] for name in said} == said


def test_a_very_long_text_is_cut() -> None:
    """A megabyte in an exception neither fills the log nor holds the event loop."""
    lines = configured()
    get_logger().info("long", text="a" * 1_000_000, urls="a://b:" * 200_000)
    (line,) = lines()
    assert len(line["text"]) < 17_000
    assert line["text"].endswith("(983616 more characters)")


def test_a_library_that_repeats_itself_is_heard_once_in_a_while() -> None:
    """aiokafka says the same thing hundreds of times while Kafka is away: once in ten seconds is enough."""
    now = 100.0
    lines = configured(clock=lambda: now)
    for number in range(50):
        logging.getLogger("aiokafka").error("Unable to reach %s", f"node-{number}")
    logging.getLogger("aiokafka").error("Something else")
    now += 11
    logging.getLogger("aiokafka").error("Unable to reach %s", "node-50")
    assert [(line["event"], line.get("repeated")) for line in lines()] == [
        ("Unable to reach node-0", None),
        ("Something else", None),
        ("Unable to reach node-50", 49),
    ]


def test_our_own_events_are_never_held_back() -> None:
    """Only libraries repeat themselves."""
    lines = configured()
    for _ in range(5):
        get_logger().info("run.succeeded")
    assert len(lines()) == 5


def test_what_json_cannot_carry_does_not_fail_the_line() -> None:
    """Huge integers, lone surrogates, bytes and objects become something readable."""
    lines = configured()
    get_logger().info("odd", huge=2**70, surrogate="\ud800", raw=b"\xff", thing=object())
    assert lines()[0]["event"] == "odd"


def test_levels_below_the_configured_one_are_silent() -> None:
    """For our own events and for libraries."""
    lines = configured("warning")
    get_logger().info("no")
    logging.getLogger("lib").info("no")
    get_logger().warning("yes")
    logging.getLogger("lib").warning("yes")
    assert [line["event"] for line in lines()] == ["yes", "yes"]


def test_configuring_again_does_not_double_the_lines() -> None:
    """Two apps in one process, as tests make them, leave one line an event."""
    configured()
    lines = configured()
    logging.getLogger("lib").warning("once")
    assert len(lines()) == 1


def test_the_console_form_is_for_people() -> None:
    """Not JSON, and just as free of secrets."""
    stream = io.StringIO()
    configure_logging(Settings(log_format="console"), "settler", stream=stream)
    get_logger().info("run.succeeded", policy_token=SECRET)
    assert "run.succeeded" in stream.getvalue()
    assert SECRET not in stream.getvalue()
    assert stream.getvalue().count("\n") == 1
