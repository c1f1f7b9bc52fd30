"""Problem documents (RFC 9457) for every error answer of this door."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from jobforge.chassis.artifacts import StoreUnavailable
from jobforge.chassis.head_requests import HeadRequests
from jobforge.chassis.header_flood import MAX_HEADER_BYTES, MAX_HEADERS
from jobforge.chassis.hot_door import Answer, HeaderFlood
from jobforge.chassis.logs import get_logger
from jobforge.contracts.problem import MEDIA_TYPE, FieldProblem, Problem
from jobforge.manifest.freshness import Rebuilding
from jobforge.manifest.reads import NoSuchRun

RETRY_AFTER = 1
"""Seconds; a view is rebuilt, and Redis reached again, soon after it can be."""

AWAY = (Rebuilding, RedisError, StoreUnavailable, OSError)
"""What a read fails with while something is away; a time-out is an ``OSError`` too."""

log = get_logger()


class Refused(Exception):
    """A request that is not answered with what it asked for."""

    def __init__(self, status: int, code: str, detail: str, *, errors: tuple[FieldProblem, ...] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors


EXPECTED = (Refused, NoSuchRun, *AWAY)
"""Errors that are answers."""


def run_not_found() -> Refused:
    """The one answer for a run that is unknown and for one of another tenant, byte for byte."""
    return Refused(404, "run.not_found", "There is no such run for this tenant.")


def invalid(pointer: str, code: str, message: str) -> Refused:
    """A field that is wrong in a way only the handler can see."""
    return Refused(422, "request.invalid", message, errors=(FieldProblem(pointer=pointer, code=code, message=message),))


def refusal(error: Exception) -> Refused:
    """What an error is to the caller; one that nobody expected is a 500 that says nothing."""
    match error:
        case Refused():
            return error
        case NoSuchRun():
            return run_not_found()
        case HeaderFlood():
            told = f"A request may have {MAX_HEADERS} headers with {MAX_HEADER_BYTES} bytes in all: send fewer."
            return Refused(431, "request.headers_too_large", told)
        case Rebuilding():
            return Refused(503, "rebuilding", f"{error}: ask again in a moment.")
        case RedisError():
            return Refused(503, "view.unavailable", "The view cannot be reached: ask again in a moment.")
        case StoreUnavailable():
            return Refused(503, "artifacts.unavailable", "The artifact store cannot be reached.")
        case OSError():
            told = "Kafka cannot be reached, and without it nothing can be denied."
            return Refused(503, "log.unavailable", told)
    return Refused(500, "internal", "The request failed inside JobForge; its log says why.")


def plain(error: Exception) -> Answer:
    """The same as an answer that needs no framework."""
    refused = refusal(error)
    if isinstance(error, AWAY) and not isinstance(error, Rebuilding):
        log.warning("read.unavailable", error=repr(error))
    response = answer(refused, {"Connection": "close"} if refused.status == 431 else None)
    headers = [(name, value) for name, value in response.raw_headers if name != b"content-length"]
    return Answer(response.status_code, headers, bytes(response.body))


def answer(refused: Refused, headers: Mapping[str, str] | None = None) -> Response:
    """The problem document."""
    problem = Problem(
        title=HTTPStatus(refused.status).phrase,
        status=refused.status,
        code=refused.code,
        detail=refused.detail,
        errors=refused.errors,
    )
    more = {"Retry-After": str(RETRY_AFTER)} if refused.status == 503 else {}
    return Response(problem.to_bytes(), refused.status, {**more, **(headers or {})}, MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for these error statuses."""
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema(ref_template="#/components/schemas/{model}")}}
    content[MEDIA_TYPE]["schema"].pop("$defs", None)
    content[MEDIA_TYPE]["schema"]["properties"].pop("errors", None)
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Answer every error with a problem document, and HEAD like GET; one address has one spelling, so no redirects."""
    app.router.redirect_slashes = False
    app.add_middleware(HeadRequests)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _by_router)
    for known in EXPECTED:
        app.add_exception_handler(known, _known)
    app.add_exception_handler(Exception, _failed)


async def _known(request: Request, error: Exception) -> Response:
    if isinstance(error, AWAY) and not isinstance(error, Rebuilding):
        log.warning("read.unavailable", error=repr(error))
    return answer(refusal(error))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = tuple(
        FieldProblem(pointer=_pointer(one["loc"]), code=one["type"], message=one["msg"]) for one in error.errors()[:50]
    )
    detail = "; ".join(f"{one.pointer}: {one.message}" for one in found[:5])
    return answer(Refused(422, "request.invalid", detail, errors=found))


async def _by_router(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refusals = {
        404: ("route.not_found", "There is nothing at this address: see /openapi.json."),
        405: ("method.not_allowed", f"{request.method[:20]} is not allowed here."),
    }
    code, detail = refusals.get(error.status_code, ("request.refused", str(error.detail)))
    return answer(Refused(error.status_code, code, detail), error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    return answer(refusal(error))


def _pointer(location: tuple[int | str, ...]) -> str:
    """An RFC 6901 pointer; its first part says where the field stands: ``/query`` or ``/path``."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
