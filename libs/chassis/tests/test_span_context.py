"""W3C trace context in and out, and names that the conventions know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.semconv._incubating.attributes import messaging_attributes
from opentelemetry.semconv.attributes import error_attributes, server_attributes, service_attributes
from opentelemetry.semconv.schemas import Schemas

from jobforge.chassis import conventions
from jobforge.chassis.spans import SpanContext

GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1))
def test_what_is_written_is_read_back(trace_id: int, span_id: int) -> None:
    """Any context survives its own header."""
    context = SpanContext(trace_id, span_id)
    assert SpanContext.parse(context.traceparent()) == context


@given(st.text())
def test_any_text_is_a_context_or_none(text: str) -> None:
    """Parsing never raises."""
    assert SpanContext.parse(text) is None or text.startswith(text[:2])


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        GOOD.upper(),
        "ff" + GOOD[2:],
        GOOD + "-extra",
        GOOD[:-1],
        GOOD.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        GOOD.replace("b7ad6b7169203331", "0" * 16),
        GOOD.replace("-", "_"),
        GOOD + "\n",
        " " + GOOD,
    ],
)
def test_what_the_standard_refuses_is_refused(header: str | None) -> None:
    """Upper case, version ff, trailing fields in version 00, all-zero ids."""
    assert SpanContext.parse(header) is None


def test_a_later_version_may_say_more() -> None:
    """Version 01 with another field is read for what we know of it."""
    assert SpanContext.parse("01" + GOOD[2:] + "-more") == SpanContext.parse(GOOD)


def test_our_names_are_the_conventions_names() -> None:
    """Each name is one that the published conventions define, in the schema version that we claim."""
    known = {
        value
        for module in (messaging_attributes, error_attributes, server_attributes, service_attributes)
        for value in vars(module).values()
        if isinstance(value, str)
    }
    ours = {
        value
        for value in vars(conventions).values()
        if isinstance(value, str) and value.startswith(("messaging.", "error.", "server.", "service."))
    }
    assert ours <= known
    assert Schemas.V1_44_0.value == conventions.SCHEMA_URL
