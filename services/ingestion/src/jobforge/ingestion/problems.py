"""Problem documents (RFC 9457) for every error answer of this door."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from jobforge.chassis.head_requests import HeadRequests
from jobforge.chassis.header_flood import MAX_HEADER_BYTES, MAX_HEADERS
from jobforge.chassis.hot_door import Answer, HeaderFlood
from jobforge.contracts.problem import MEDIA_TYPE, FieldProblem, Problem
from jobforge.ingestion.refusal import RETRY_AFTER, Refusal, pointer

_REFERENCE = "#/components/schemas/{model}"
_CODES = {400: "request.malformed", 404: "route.not_found", 405: "method.not_allowed"}
_MEANINGS = {
    400: "The request is malformed.",
    403: "A feature or template is disabled.",
    404: "There is no such thing.",
    409: "The same key came with another body.",
    413: "The body is too large.",
    422: "A field is invalid.",
    431: "The headers are too many or too large.",
    503: "Kafka did not acknowledge; `Retry-After` says when to try again.",
}


def problem(refusal: Refusal) -> Problem:
    """The document for a refusal."""
    more = {"outcome": refusal.outcome} if refusal.outcome else {}
    return Problem(
        title=HTTPStatus(refusal.status).phrase,
        status=refusal.status,
        code=refusal.code,
        detail=refusal.detail,
        trace_id=refusal.trace_id,
        errors=refusal.errors,
        **more,
    )


def answer(refusal: Refusal) -> Response:
    """The response for a refusal."""
    headers = {"Retry-After": str(RETRY_AFTER)} if refusal.status == 503 else None
    return Response(problem(refusal).to_bytes(), refusal.status, headers, MEDIA_TYPE)


def plain(error: Exception) -> Answer:
    """The same for an answer that no framework gives."""
    if isinstance(error, HeaderFlood):
        error = Refusal(
            431,
            "request.headers_too_large",
            f"A request may have {MAX_HEADERS} headers with {MAX_HEADER_BYTES} bytes in all: send fewer.",
        )
    refusal = error if isinstance(error, Refusal) else internal()
    headers = [(b"content-type", MEDIA_TYPE.encode())]
    if refusal.status == 503:
        headers.append((b"retry-after", str(RETRY_AFTER).encode()))
    if refusal.status in (413, 431):
        headers.append((b"connection", b"close"))  # the rest of the request is not read
    return Answer(refusal.status, headers, problem(refusal).to_bytes())


def internal() -> Refusal:
    """What a caller learns of a defect of ours: nothing but that there is one, and that it was logged."""
    return Refusal(500, "internal", "The request failed inside JobForge; its log says why.")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for these error statuses."""
    schema = {"$ref": _REFERENCE.format(model="Problem")}
    return {
        status: {"description": _MEANINGS[status], "content": {MEDIA_TYPE: {"schema": schema}}} for status in statuses
    }


def schemas() -> dict[str, Any]:
    """OpenAPI components that ``documented`` refers to."""
    schema = Problem.model_json_schema(ref_template=_REFERENCE)
    return {**schema.pop("$defs"), "Problem": schema}


def install(app: FastAPI) -> None:
    """Answer every error of the router with a problem document, and HEAD like GET; one address has one spelling."""
    app.router.redirect_slashes = False
    app.add_middleware(HeadRequests)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _by_router)
    app.add_exception_handler(Exception, _failed)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return answer(error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = tuple(_field_problem(one) for one in error.errors()[:50])
    if found[0].code == "json_invalid":
        return answer(Refusal(400, "request.malformed", "The body is not JSON in UTF-8."))
    detail = "; ".join(f"{one.pointer}: {one.message}" for one in found[:5])
    return answer(Refusal(422, "request.invalid", detail, errors=found))


def _field_problem(error: Any) -> FieldProblem:
    """The pointer's first part says where the field stands: ``/body``, ``/query`` or ``/path``."""
    message = error["msg"].split(":")[0] if error["type"].endswith("_parsing") else error["msg"]
    return FieldProblem(pointer=pointer(*error["loc"]), code=error["type"], message=message)


async def _by_router(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    details = {
        404: f"There is no {request.method} {request.url.path[:200]!r} here: see /openapi.json.",
        405: f"{request.method} is not allowed here.",
    }
    code = _CODES.get(error.status_code, "request.refused")
    refusal = Refusal(error.status_code, code, details.get(error.status_code, str(error.detail)))
    response = answer(refusal)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def _failed(request: Request, error: Exception) -> Response:
    return answer(internal())
