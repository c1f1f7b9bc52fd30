"""Decides whether bytes from outside are an event or a job request that may go on."""

import math
import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from jobforge.contracts.base import MAX_JSON_DEPTH
from jobforge.contracts.envelope import EventSubmission
from jobforge.contracts.inbox import INBOX, OPERATORS_APP, InboxEvent, InboxJob
from jobforge.contracts.jobs import JobSubmission
from jobforge.contracts.problem import FieldProblem
from jobforge.contracts.reading import Unreadable, read_any
from jobforge.ingestion.refusal import Refusal, invalid, pointer

M = TypeVar("M", bound=BaseModel)

EXACT_INTEGERS = 2**53 - 1
"""Beyond this, JSON readers that use doubles see another number (RFC 7493)."""
_SUSPECT_NUMBER = re.compile(rb"[0-9](?:[0-9]{15}|[eE]\+?[0-9]{3})")
"""Long or large. It begins with one digit for both, which is what a search of mostly text is fast at."""
_SHOWN = 50
"""Field problems in one answer."""


def admit_event(body: bytes, *, limit: int) -> EventSubmission:
    """The event in a body of at most ``limit`` bytes; raises ``Refusal``."""
    return _admit(EventSubmission, body, limit)


def admit_job(body: bytes, *, limit: int) -> JobSubmission:
    """The job request in a body of at most ``limit`` bytes; raises ``Refusal``. Inputs are checked later."""
    return _admit(JobSubmission, body, limit)


def admit_inbox(value: bytes | None, *, source_app: str, limit: int) -> InboxEvent | InboxJob:
    """The event or job request in a record of ``source_app``'s inbox; raises ``Refusal``."""
    if value is None:
        raise Refusal(400, "record.malformed", "The record has no value: send an event or a job request as JSON.")
    check_size(len(value), limit)
    check_values(value)
    try:
        found: InboxEvent | InboxJob = read_any(INBOX, value)
    except Unreadable as error:
        raise Refusal(422, error.reason, error.detail) from None
    if found.source_app not in (None, source_app):
        raise invalid(
            "/source_app",
            "source_app.other",
            f"the record stands in the inbox of {source_app}: send it to the app's own topic",
            trace_id=found.trace_id,
        )
    if isinstance(found, InboxJob) and source_app != OPERATORS_APP:
        for name in ("replay_of", "root_run_id"):
            if getattr(found, name) is not None:
                raise invalid(
                    f"/{name}",
                    "replay.not_here",
                    f"only the inbox of {OPERATORS_APP} takes replays: use jobforge dlq replay, or remove the field",
                    trace_id=found.trace_id,
                )
    return found


def check_size(size: int, limit: int) -> None:
    """Raises ``Refusal`` for more than ``limit`` bytes."""
    if size > limit:
        raise Refusal(
            413,
            "request.too_large",
            f"The request is larger than {limit} bytes (JOBFORGE_MAX_RECORD_BYTES): upload large content with "
            "PUT /v1/objects/{kind}/{object_id} and send its id.",
        )


def check_values(body: bytes) -> None:
    """Raises ``Refusal`` for what JSON cannot carry exactly to every reader: depth, NUL, numbers."""
    if body.count(b"{") + body.count(b"[") <= MAX_JSON_DEPTH and not _suspect(body):
        return
    try:
        value = from_json(body)
    except ValueError as error:
        raise _malformed(str(error)) from None
    _walk(value, (), 1)


def _suspect(body: bytes) -> bool:
    """True for every body that breaks a rule about values, and for a few others: only those are walked.

    Four looks, each at the speed of memory; one expression of all four takes twice as long.
    """
    return b"\\u0000" in body or b"NaN" in body or b"Infinity" in body or _SUSPECT_NUMBER.search(body) is not None


def _admit(model: type[M], body: bytes, limit: int) -> M:
    check_size(len(body), limit)
    check_values(body)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error, body) from None


def _walk(value: Any, path: tuple[object, ...], depth: int) -> None:
    if isinstance(value, dict | list) and depth > MAX_JSON_DEPTH:
        raise _too_deep()
    if isinstance(value, dict):
        for key, item in value.items():
            _walk(key, path, depth)
            _walk(item, (*path, key), depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _walk(item, (*path, index), depth + 1)
    elif isinstance(value, str):
        if "\x00" in value:
            raise invalid(pointer(*path), "value.nul", "text may not hold the character NUL: remove it")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise invalid(pointer(*path), "number.not_finite", "not a finite number: send null or a finite one")
    elif isinstance(value, int) and abs(value) > EXACT_INTEGERS:
        raise invalid(
            pointer(*path), "number.not_exact", "integers beyond 2^53 - 1 are not exact in JSON: send it as a string"
        )


def _refusal(error: ValidationError, body: bytes) -> Refusal:
    found = error.errors(include_url=False, include_context=True, include_input=False)
    if found[0]["type"] == "json_invalid":
        return _malformed(found[0]["msg"])
    problems = tuple(_field_problem(one) for one in found[:_SHOWN])
    shown = "; ".join(f"{problem.pointer or '/'}: {problem.message}" for problem in problems[:5])
    more = f" ({len(found)} in all)" if len(found) > 5 else ""
    return Refusal(422, "request.invalid", shown + more, errors=problems, trace_id=_trace_id(body))


def _field_problem(error: ErrorDetails) -> FieldProblem:
    # Pydantic's own words never hold the value, but for what its parsers quote after a colon or comma.
    message = error["msg"]
    if error["type"].endswith("_parsing"):
        message = re.split(r"[,:] ", message)[0]
    if error["type"] == "extra_forbidden":
        message = "this field is not known here: check its spelling or remove it"
    return FieldProblem(pointer=pointer(*error["loc"]), code=error["type"], message=message)


def _malformed(why: str) -> Refusal:
    if "recursion limit" in why:
        return _too_deep()
    where = re.search(r"at line \d+ column \d+", why)
    place = f" ({where[0]})" if where else ""
    return Refusal(400, "request.malformed", f"The body is not JSON in UTF-8{place}.")


def _too_deep() -> Refusal:
    return Refusal(
        422, "request.too_deep", f"The body nests deeper than {MAX_JSON_DEPTH} lists and objects: send it flatter."
    )


def _trace_id(body: bytes) -> str | None:
    found = from_json(body)
    trace_id = found.get("trace_id") if isinstance(found, dict) else None
    return trace_id if isinstance(trace_id, str) and re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", trace_id) else None
