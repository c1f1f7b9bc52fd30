"""The HTTP door: two hot routes answered before any router, everything else by FastAPI."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter, ValidationError

from jobforge.chassis.hot_door import Answer, CallerLeft, Headers, Hot, HotDoor
from jobforge.chassis.metrics import Receive, Scope
from jobforge.chassis.spans import SpanContext
from jobforge.contracts.jobs import IdempotencyKey
from jobforge.ingestion import problems
from jobforge.ingestion.admission import check_size
from jobforge.ingestion.intake import Intake
from jobforge.ingestion.refusal import Refusal

_KEY = TypeAdapter(IdempotencyKey)
_JSON = (b"content-type", b"application/json")

Post = Callable[[Headers, bytes], Awaitable[bytes]]
"""What a hot route does with a request's headers and body."""


class Door(HotDoor, FastAPI):
    """A FastAPI app whose ``POST /v1/events`` and ``POST /v1/jobs`` never enter FastAPI. They are declared as routes
    too, for the OpenAPI document and for 405."""

    posts: dict[str, Post]

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, with the problem document's schema."""
        if self.openapi_schema is None:
            self.openapi_schema = get_openapi(
                title=self.title, version=self.version, description=self.description, routes=self.routes
            )
            self.openapi_schema["components"]["schemas"].update(problems.schemas())
        return self.openapi_schema


def hot_posts(app: Door, intake: Intake, *, max_body: int) -> None:
    """Let the app answer the two requests that everything waits for; a body has at most ``max_body`` bytes."""

    async def event(headers: Headers, body: bytes) -> bytes:
        return await intake.accept_event(body, links=callers_span(headers))

    async def job(headers: Headers, body: bytes) -> bytes:
        key = idempotency_key(headers)
        return await intake.accept_job(body, idempotency_key=key, links=callers_span(headers))

    def hot(scope: Scope, receive: Receive) -> Hot | None:
        post = app.posts.get(scope["path"]) if scope["method"] == "POST" else None
        return None if post is None else Hot(scope["path"], lambda: accepted(post, scope["headers"], receive))

    async def accepted(post: Post, headers: Headers, receive: Receive) -> Answer:
        body = await read_body(headers, receive, max_body)
        return Answer(202, [_JSON], await post(headers, body))

    app.posts = {"/v1/events": event, "/v1/jobs": job}
    app.hot = hot
    app.refusal = problems.plain
    app.expected = (Refusal,)


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
        raise CallerLeft
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
