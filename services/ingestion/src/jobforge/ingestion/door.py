"""The HTTP door: two hot routes answered before any router, everything else by FastAPI."""

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter, ValidationError

from jobforge.chassis.header_flood import MAX_HEADER_BYTES, MAX_HEADERS, flooded
from jobforge.chassis.logs import get_logger
from jobforge.chassis.metrics import HTTP_REQUESTS, HTTP_SECONDS, Receive, Scope, Send, child
from jobforge.chassis.spans import SpanContext
from jobforge.contracts.jobs import IdempotencyKey
from jobforge.contracts.problem import MEDIA_TYPE
from jobforge.ingestion import problems
from jobforge.ingestion.admission import check_size
from jobforge.ingestion.intake import Intake
from jobforge.ingestion.refusal import RETRY_AFTER, Refusal

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_KEY = TypeAdapter(IdempotencyKey)
_JSON = (b"content-type", b"application/json")

Headers = list[tuple[bytes, bytes]]
Hot = Callable[[Headers, bytes], Awaitable[BaseModel]]

log = get_logger()


class Disconnected(Exception):
    """The caller went away before its body was complete."""


class Door(FastAPI):
    """A FastAPI app whose ``POST /v1/events`` and ``POST /v1/jobs`` never enter FastAPI: its machinery costs more
    than everything those two do. They are declared as routes too, for the OpenAPI document and for 405."""

    hot: dict[str, Hot]
    max_body: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever fails is logged and answered without internals."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        answering = _Answering(send)
        started = perf_counter()
        hot = self.hot.get(scope["path"]) if scope["method"] == "POST" else None
        try:
            check_headers(scope["headers"])
            if hot is None:
                await super().__call__(scope, receive, answering)
            else:
                body = await read_body(scope["headers"], receive, self.max_body)
                await answering.accepted(await hot(scope["headers"], body))
        except Disconnected:
            return
        except Refusal as refusal:
            await _refused(answering, refusal)
        except Exception:
            log.exception("request.failed", method=scope["method"], path=scope["path"][:200])
            if answering.status is None:
                await _refused(answering, problems.internal())
        route = scope["path"] if hot else getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in METHODS else "other"  # labels must stay few
        child(HTTP_REQUESTS, route, method, str(answering.status)).inc()
        child(HTTP_SECONDS, route).observe(perf_counter() - started)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, with the problem document's schema."""
        if self.openapi_schema is None:
            self.openapi_schema = get_openapi(
                title=self.title, version=self.version, description=self.description, routes=self.routes
            )
            self.openapi_schema["components"]["schemas"].update(problems.schemas())
        return self.openapi_schema


def hot_routes(intake: Intake) -> dict[str, Hot]:
    """The two requests that everything waits for."""

    async def event(headers: Headers, body: bytes) -> BaseModel:
        return await intake.accept_event(body, links=callers_span(headers))

    async def job(headers: Headers, body: bytes) -> BaseModel:
        key = idempotency_key(headers)
        return await intake.accept_job(body, idempotency_key=key, links=callers_span(headers))

    return {"/v1/events": event, "/v1/jobs": job}


def check_headers(headers: Headers) -> None:
    """Raises ``Refusal`` for a flood of headers, which servers pass on as they come."""
    if flooded(headers):
        raise Refusal(
            431,
            "request.headers_too_large",
            f"A request may have {MAX_HEADERS} headers with {MAX_HEADER_BYTES} bytes in all: send fewer.",
        )


async def read_body(headers: Headers, receive: Receive, limit: int) -> bytes:
    """The request's body; raises ``Refusal`` as soon as it is larger than ``limit`` bytes."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            check_size(int(value[:20]), limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and message["type"] == "http.request":
        check_size(len(body), limit)
        return body
    parts, size = [body], len(body)
    while message.get("more_body", False):
        check_size(size, limit)
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if message["type"] == "http.disconnect":
        raise Disconnected
    check_size(size, limit)
    return b"".join(parts)


def idempotency_key(headers: Headers) -> str | None:
    """The request's Idempotency-Key; raises ``Refusal`` for one that is not 1 to 255 visible ASCII characters."""
    found = [value for name, value in headers if name == b"idempotency-key"]
    if not found:
        return None
    try:
        if len(found) == 1:
            return _KEY.validate_python(found[0].decode("ascii"))
    except (ValidationError, UnicodeDecodeError):
        pass
    raise Refusal(
        400,
        "idempotency.key_invalid",
        "Idempotency-Key must be given once, as 1 to 255 visible ASCII characters without spaces.",
    )


def callers_span(headers: Headers) -> tuple[SpanContext, ...]:
    """The span that the caller's W3C ``traceparent`` names, to link to: a trace here follows the app's trace id."""
    for name, value in headers:
        if name == b"traceparent":
            found = SpanContext.parse(value.decode("latin-1"))
            return () if found is None else (found,)
    return ()


class _Answering:
    """Remembers whether an answer has begun."""

    __slots__ = ("_send", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def accepted(self, model: BaseModel) -> None:
        """Answer 202."""
        body = model.model_dump_json().encode()
        headers = [_JSON, (b"content-length", b"%d" % len(body))]
        self.status = 202
        await self._send({"type": "http.response.start", "status": 202, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


async def _refused(send: Send, refusal: Refusal) -> None:
    body = problems.problem(refusal).to_bytes()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    if refusal.status == 503:
        headers.append((b"retry-after", str(RETRY_AFTER).encode()))
    if refusal.status in (413, 431):
        headers.append((b"connection", b"close"))  # the rest of the request is not read
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
