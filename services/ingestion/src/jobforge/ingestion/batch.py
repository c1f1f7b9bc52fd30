"""A batch of events as it arrives: lines of JSON, or one JSON list."""

import re

from pydantic_core import from_json, to_json

from jobforge.ingestion.refusal import Refusal

MAX_EVENTS = 1000
MAX_BYTES = 16 * 1024 * 1024
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{},]', re.DOTALL)
"""Strings as wholes, so that what follows in the alternatives stands outside of any."""


def split(body: bytes) -> list[bytes]:
    """Each event's own JSON, in order; raises ``Refusal`` when the batch as a whole cannot be read."""
    events = _from_list(body) if body.lstrip()[:1] == b"[" else [line for line in body.split(b"\n") if line.strip()]
    if not events:
        raise Refusal(400, "batch.empty", "The batch holds no event: send one JSON object a line, or a JSON list.")
    if len(events) > MAX_EVENTS:
        raise Refusal(413, "batch.too_large", f"A batch may hold {MAX_EVENTS} events: send several batches.")
    return events


def too_large() -> Refusal:
    """The refusal of a batch with more bytes than may be held."""
    return Refusal(413, "batch.too_large", f"A batch may have {MAX_BYTES} bytes: send several batches.")


def _from_list(body: bytes) -> list[bytes]:
    try:
        # What one event may hold is judged event by event, so one of them cannot spoil the rest.
        return [to_json(event, inf_nan_mode="constants") for event in from_json(body)]
    except ValueError:
        return _cut(body)


def _cut(body: bytes) -> list[bytes]:
    """The elements of a list that no parser takes as a whole, so that only the bad ones among them are refused."""
    events: list[bytes] = []
    depth = start = 0
    for mark in _MARKS.finditer(body):
        sign = mark[0]
        if sign in (b"[", b"{"):
            depth += 1
            start = mark.end() if depth == 1 else start
        elif sign in (b"]", b"}"):
            depth -= 1
        if depth == 0 or (depth == 1 and sign == b","):
            events.append(body[start : mark.start()])
            start = mark.end()
        if depth == 0 or len(events) > MAX_EVENTS:
            break
    if (depth == 0 and not body[start:].strip()) or len(events) > MAX_EVENTS:
        return events
    raise Refusal(400, "request.malformed", "The batch is neither lines of JSON nor a JSON list.")
