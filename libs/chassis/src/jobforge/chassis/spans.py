"""Spans as plain values: their context, the span being timed, and what it leaves behind when it ends."""

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import lru_cache
from time import time_ns
from types import TracebackType
from typing import Final, NamedTuple, Self

from jobforge.chassis.conventions import ERROR_TYPE
from jobforge.contracts.identity import otel_root_span_id, otel_trace_id

AttributeValue = str | bool | int | float

INTERNAL: Final = 1
SERVER: Final = 2
CLIENT: Final = 3
PRODUCER: Final = 4
CONSUMER: Final = 5
"""Span kinds, numbered as OTLP numbers them."""

_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?", re.DOTALL)


class SpanContext(NamedTuple):
    """Which span of which trace: 128 and 64 bits."""

    trace_id: int
    span_id: int

    def traceparent(self) -> str:
        """The W3C header value; always sampled, since every span of the plane is kept."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-01"

    @classmethod
    def parse(cls, header: str | None) -> Self | None:
        """The context a W3C ``traceparent`` names, or None for anything that is not one."""
        parts = None if header is None else _TRACEPARENT.fullmatch(header)
        # A later version may append fields after the flags; version 00 may not.
        if parts is None or (parts[4] is not None and parts[1] == "00"):
            return None
        found = cls(int(parts[2], 16), int(parts[3], 16))
        return found if found.trace_id and found.span_id else None


class TraceScope(NamedTuple):
    """The trace that code is running for, the span its publishes descend from (None: the trace's root), and spans of
    other traces that they follow from."""

    trace_id: str
    parent: SpanContext | None = None
    links: tuple[SpanContext, ...] = ()


trace_scope: ContextVar[TraceScope | None] = ContextVar("trace_scope", default=None)
"""Set by whoever publishes inside a trace; without it a publish leaves no span."""


class Shared:
    """Attributes that all spans of one hop have in common; ``encoded`` is what an exporter made of them, once."""

    __slots__ = ("attributes", "encoded", "name")

    def __init__(self, name: str, attributes: Mapping[str, AttributeValue]) -> None:
        self.name = name
        self.attributes = attributes
        self.encoded: bytes | None = None


class FinishedSpan(NamedTuple):
    """What is kept of a span; times are nanoseconds since the epoch, ``parent_id`` 0 means root."""

    name: str
    kind: int
    trace_id: int
    span_id: int
    parent_id: int
    started: int
    ended: int
    attributes: Mapping[str, AttributeValue]
    links: tuple[SpanContext, ...]
    error: str | None
    shared: Shared | None = None


Sink = Callable[[FinishedSpan], None]


class Span:
    """A span being timed. It is recorded once, by the first ``end``; as a context manager an exception ends it."""

    __slots__ = ("_attributes", "_kind", "_links", "_name", "_parent_id", "_shared", "_sink", "_started", "context")

    def __init__(
        self,
        name: str,
        kind: int,
        context: SpanContext,
        parent_id: int,
        attributes: dict[str, AttributeValue],
        links: tuple[SpanContext, ...],
        sink: Sink | None,
        shared: Shared | None = None,
    ) -> None:
        self.context = context
        self._name = name
        self._kind = kind
        self._parent_id = parent_id
        self._attributes = attributes
        self._links = links
        self._sink = sink
        self._shared = shared
        self._started = time_ns() if sink is not None else 0

    def set(self, name: str, value: AttributeValue) -> None:
        """Put an attribute on the span; after its end it is ignored."""
        if self._sink is not None:
            self._attributes[name] = value

    def end(self, *, error: str | None = None, at: int | None = None) -> None:
        """Record the span; ``error`` is its ``error.type`` and marks it as failed. Later calls do nothing.

        It ended ``at`` so many nanoseconds since 1970, or now.
        """
        sink = self._sink
        if sink is None:
            return
        self._sink = None
        if error is not None:
            self._attributes[ERROR_TYPE] = error
        trace_id, span_id = self.context.trace_id, self.context.span_id
        # Positional and through tuple.__new__'s fast path: this line runs for every span of the plane.
        sink(
            FinishedSpan(
                self._name,
                self._kind,
                trace_id,
                span_id,
                self._parent_id,
                self._started,
                max(at or time_ns(), self._started),  # the clock may have been set back
                self._attributes,
                self._links,
                error,
                self._shared,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end(error=None if exc_type is None else exc_type.__qualname__)


@lru_cache(maxsize=4096)
def root_context(trace_id: str) -> SpanContext:
    """The context of the one root span of an app's trace id, the same from whoever computes it."""
    return SpanContext(otel_trace_id(trace_id), otel_root_span_id(trace_id))
