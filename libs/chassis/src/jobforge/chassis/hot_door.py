"""An app whose hot requests never enter its framework, whose machinery costs more than everything they do."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from jobforge.chassis.header_flood import flooded
from jobforge.chassis.logs import get_logger
from jobforge.chassis.metrics import HTTP_REQUESTS, HTTP_SECONDS, Receive, Scope, Send, child

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Headers = list[tuple[bytes, bytes]]

log = get_logger()


class Answer(NamedTuple):
    """A whole answer; ``content-length`` is added."""

    status: int
    headers: Headers
    body: bytes

    async def say(self, send: Send) -> None:
        """Send it; it is counted after that."""
        answering = send if isinstance(send, _Answering) else None
        if _said_at_once(self, getattr(answering.send if answering else send, "__self__", None)):
            if answering is not None:
                answering.begins(self.status)
            return
        headers = [*self.headers, (b"content-length", str(len(self.body)).encode())]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class Hot(NamedTuple):
    """A request that is answered before any router: its route as metrics name it, and what answers it."""

    route: str
    answer: Callable[[], Awaitable[Answer]]


class HeaderFlood(Exception):
    """A request has more headers than anybody needs, and servers pass them on as they come."""


class CallerLeft(Exception):
    """The caller went away before its request was complete."""


class HotDoor:
    """Mixed into a FastAPI app, before it: answers what ``hot`` picks and leaves the rest, and all documents, to it.

    ``hot`` returns None for whatever is unusual about a request, so that one place says what is wrong with it.
    ``refusal`` makes an answer of an error; an error it does not know, it answers without internals.
    """

    hot: Callable[[Scope, Receive], Hot | None]
    refusal: Callable[[Exception], Answer]
    expected: tuple[type[Exception], ...] = ()
    """Errors that ``refusal`` knows: they are not logged here."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever fails is answered, and logged if nobody expected it."""
        if scope["type"] != "http":
            await self._framework(scope, receive, send)
            return
        answering = _Answering(scope, send)
        try:
            if flooded(scope["headers"]):
                raise HeaderFlood
            hot = self.hot(scope, receive)
            if hot is None:
                await self._framework(scope, receive, answering)
            else:
                answering.route = hot.route
                await (await hot.answer()).say(answering)
        except CallerLeft:
            return
        except Exception as error:
            if not isinstance(error, (HeaderFlood, *self.expected)):
                log.exception("request.failed", method=scope["method"], path=scope["path"][:200])
            if answering.status is None:
                await self.refusal(error).say(answering)

    async def _framework(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)  # type: ignore[misc]  # of the app this is mixed into


class _Answering:
    """Counts and times a request when its answer begins: a stream counts then, however long it goes on."""

    __slots__ = ("_scope", "_started", "route", "send", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self.send = send
        self._started = perf_counter()
        self.route: str | None = None
        """The hot route; any other is in the scope once the framework has found it."""
        self.status: int | None = None

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.begins(message["status"])
        await self.send(message)

    def begins(self, status: int) -> None:
        """An answer with this status is being sent."""
        self.status = status
        found: str = getattr(self._scope.get("route"), "path", "other")
        route = self.route or found
        method = self._scope["method"] if self._scope["method"] in METHODS else "other"  # labels must stay few
        child(HTTP_REQUESTS, route, method, str(status)).inc()
        child(HTTP_SECONDS, route).observe(perf_counter() - self._started)


def _said_at_once(answer: Answer, cycle: Any) -> bool:
    """Whether this was a request of uvicorn's, and is answered in one write.

    uvicorn itself looks at each header with regular expressions, and writes an answer's head and body by themselves,
    which costs both sides twice the calls and wake-ups. Whatever is unusual is left to it.
    """
    if type(cycle) is not RequestResponseCycle or cycle.response_started:
        return False
    if cycle.access_log and cycle.access_logger.isEnabledFor(logging.INFO):
        return False
    if cycle.disconnected or cycle.flow.write_paused or cycle.scope["method"] == "HEAD":
        return False
    every, head = _everywhere(cycle.default_headers), _lines(answer.headers)
    if every is None or head is None:
        return False
    last = b"content-length: %d\r\n%b\r\n" % (len(answer.body), b"" if cycle.keep_alive else b"connection: close\r\n")
    cycle.transport.write(b"".join((STATUS_LINE[answer.status], every, head, last, answer.body)))
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


def _lines(headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    """The headers as they are sent; None if one of them would be more than one."""
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    return lines if lines.count(b"\r") == lines.count(b"\n") == len(headers) else None


_written: tuple[object, bytes | None] = (None, None)


def _everywhere(headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    """The headers of all answers, written as often as uvicorn makes them, which is once a second."""
    global _written
    if headers is not _written[0]:
        _written = headers, _lines(headers)
    return _written[1]
