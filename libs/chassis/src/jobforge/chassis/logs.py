"""One JSON line for each thing that happens, with the trace and the run it belongs to and without secrets."""

import json
import logging
import sys
import time
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import orjson
import structlog
from structlog.contextvars import bound_contextvars
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from jobforge.chassis.redaction import redact
from jobforge.chassis.refusals import Refusals
from jobforge.chassis.repeats import Repeats
from jobforge.chassis.settings import Settings
from jobforge.chassis.spans import root_context, trace_scope
from jobforge.chassis.wire import Clock

__all__ = ["BROKER_LOGGER", "bound_contextvars", "configure_logging", "get_logger"]

BROKER_LOGGER = "faststream.access.kafka"
"""The standard library's logger that FastStream's Kafka broker writes to."""

_FOREIGN = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "faststream", BROKER_LOGGER)
"""Libraries that bring handlers of their own; theirs are taken away."""
_FIRST = ("timestamp", "level", "event", "service")
_JSON = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
_QUIET = {
    "uvicorn.access": logging.WARNING,
    BROKER_LOGGER: logging.WARNING,
    "aiokafka": logging.WARNING,
    "asyncio": logging.WARNING,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
}


def configure_logging(
    settings: Settings, service: str, *, stream: TextIO | None = None, clock: Clock = time.monotonic
) -> None:
    """Send the service's own events and every library's log records to one stream (stdout unless given).

    Call it first in ``create_app``; calling it again replaces what was there. A library that says the same thing
    over and over is heard once in ten seconds, with how often it was ``repeated``.
    """
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    out = stream or sys.stdout
    shared = _processors(service)
    renderer = _renderer(settings.log_format)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_extra_fields, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shared, renderer],
        )
    )
    handler.addFilter(Repeats(clock))
    handler.addFilter(Refusals())
    _take_over(handler, level)


def get_logger(**bound: Any) -> FilteringBoundLogger:
    """A logger of events: ``log.info("run.succeeded", run_id=...)``. Safe to make when a module is imported."""
    return cast(FilteringBoundLogger, structlog.get_logger(**bound))


def _processors(service: str) -> list[Processor]:
    def name_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return [
        structlog.contextvars.merge_contextvars,
        _add_level,
        name_service,
        _add_trace,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _add_exception,
        _redact,
    ]


def _renderer(log_format: str) -> Processor:
    return structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty()) if log_format == "console" else _json_line


def _take_over(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger()
    for old in list(root.handlers):
        # Only what an earlier call left: a test runner's capturing handlers are not ours to remove.
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _FOREIGN:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, quiet) if level > logging.DEBUG else logging.INFO)
    logging.captureWarnings(True)


def _add_level(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    event["level"] = "warning" if method == "warn" else "error" if method == "exception" else method
    return event


def _add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    scope = trace_scope.get()
    if scope is None:
        return event
    event.setdefault("app_trace_id", scope.trace_id)
    event.setdefault("trace_id", f"{root_context(scope.trace_id).trace_id:032x}")
    if scope.parent is not None:
        event.setdefault("span_id", f"{scope.parent.span_id:016x}")
    return event


def _extra_fields(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """What a library, or our own threads, passed as ``extra``, but for what libraries add for their own formatters."""
    record: logging.LogRecord | None = event.get("_record")
    if record is not None:
        for name in record.__dict__.keys() - _RECORD_FIELDS:
            event.setdefault(name, record.__dict__[name])
    return event


_RECORD_FIELDS = logging.makeLogRecord({}).__dict__.keys() | {"message", "asctime", "color_message", "websocket"}


def _add_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    found = event.pop("exc_info", None)
    if not found:
        return event
    error = found if isinstance(found, BaseException) else (found if isinstance(found, tuple) else sys.exc_info())[1]
    if isinstance(error, BaseException):
        event["error_type"] = type(error).__qualname__
        event["exception"] = "".join(traceback.format_exception(error)).rstrip()
    return event


def _redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    first = {name: event.pop(name, None) for name in _FIRST}
    return cast(MutableMapping[str, Any], redact(first | dict(event)))


def _json_line(_: WrappedLogger, __: str, event: EventDict) -> str:
    try:
        return orjson.dumps(event, default=str, option=_JSON).decode()
    except TypeError:
        # An integer beyond 64 bits or a lone surrogate; a log line must never be what fails.
        return json.dumps(event, default=str, skipkeys=True)
