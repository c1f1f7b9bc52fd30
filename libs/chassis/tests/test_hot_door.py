"""What every app with hot requests keeps: floods refused, failures answered without internals, everything counted."""

import asyncio
import logging
from typing import Any

import httpx
import pytest
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from jobforge.chassis import hot_door
from jobforge.chassis.hot_door import Answer, CallerLeft, HeaderFlood, Hot, HotDoor
from jobforge.chassis.metrics import HTTP_REQUESTS, Receive, Scope, Send, child


class Teapot(Exception):
    """An error that is an answer."""


class Framework:
    """Answers everything in its own way."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await send({"type": "lifespan.startup.complete"})
            return
        if scope["path"] == "/fails":
            raise RuntimeError("secret")
        await Answer(200, [], b"framework").say(send)


class App(HotDoor, Framework):
    """Both together."""

    def __init__(self) -> None:
        self.hot = self._hot
        self.refusal = self._refusal
        self.expected = (Teapot,)

    def _hot(self, scope: Scope, receive: Receive) -> Hot | None:
        async def answer() -> Answer:
            if scope["path"] == "/hot/teapot":
                raise Teapot
            if scope["path"] == "/hot/fails":
                raise RuntimeError("secret")
            if scope["path"] == "/hot/left":
                raise CallerLeft
            if scope["path"] == "/hot/splits":
                return Answer(200, [(b"x-hot", b"1\r\nx-evil: 1")], b"hot")
            return Answer(200, [(b"x-hot", b"1")], b"hot")

        return Hot("/hot/{name}", answer) if scope["path"].startswith("/hot/") else None

    def _refusal(self, error: Exception) -> Answer:
        statuses: dict[type, int] = {Teapot: 418, HeaderFlood: 431}
        return Answer(statuses.get(type(error), 500), [], b"refused")


@pytest.fixture
def http() -> httpx.AsyncClient:
    """A client of the app."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=App()), base_url="http://door")


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/hot/well", 200, "hot"),
        ("/hot/teapot", 418, "refused"),
        ("/hot/fails", 500, "refused"),
        ("/other", 200, "framework"),
        ("/fails", 500, "refused"),
    ],
)
async def test_every_request_has_one_answer_without_internals(
    http: httpx.AsyncClient, path: str, status: int, body: str
) -> None:
    """Hot or not, well or not."""
    answer = await http.get(path)
    assert (answer.status_code, answer.text) == (status, body)
    assert answer.headers["content-length"] == str(len(body))


async def test_a_flood_of_headers_reaches_nobody(http: httpx.AsyncClient) -> None:
    """Neither the hot answers nor the framework."""
    flood = {f"x-{number}": "y" for number in range(10_000)}
    for path in ("/hot/well", "/other"):
        assert (await http.get(path, headers=flood)).status_code == 431


async def test_hot_requests_are_counted_by_route_and_never_by_id(http: httpx.AsyncClient) -> None:
    """As the framework's are."""
    counter = child(HTTP_REQUESTS, "/hot/{name}", "GET", "200")
    before = counter._value.get()
    await http.get("/hot/1")
    await http.get("/hot/2")
    assert counter._value.get() == before + 2


async def test_a_caller_that_left_is_told_nothing() -> None:
    """There is nobody to tell."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "GET", "path": "/hot/left", "headers": []}
    await App()(scope, receive, send)
    assert sent == []


async def test_what_is_no_request_goes_to_the_framework() -> None:
    """Such as its lifespan."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    await App()({"type": "lifespan"}, receive, send)
    assert sent == [{"type": "lifespan.startup.complete"}]


class Wire(asyncio.Transport):
    """A connection's end, which keeps each piece that is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        """Keep it."""
        assert not self.closed
        self.written.append(bytes(data))

    def close(self) -> None:
        """Take no more."""
        self.closed = True

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closed

    def resume_reading(self) -> None:
        """Nothing to read."""

    def pause_reading(self) -> None:
        """Nothing to read."""


async def served(*requests: bytes) -> Wire:
    """What uvicorn writes when these come in one after another."""
    state, wire = ServerState(), Wire()
    protocol = HttpToolsProtocol(Config(App(), http="httptools"), state, app_state={})
    assert protocol.access_log  # since somebody handles what is logged, though nobody wants these lines
    protocol.access_logger.setLevel(logging.WARNING)
    protocol.connection_made(wire)
    for request in requests:
        protocol.data_received(request)
        while state.tasks:
            await asyncio.wait(state.tasks)
            await asyncio.sleep(0)
    if protocol.timeout_keep_alive_task is not None:
        protocol.timeout_keep_alive_task.cancel()
    return wire


@pytest.mark.parametrize(("path", "body"), [("hot/well", b"hot"), ("hot/teapot", b"refused")])
async def test_uvicorn_writes_a_hot_answer_in_one_piece(path: str, body: bytes) -> None:
    """Head and body together, of each request on a connection that stays open."""
    request = f"GET /{path} HTTP/1.1\r\nhost: door\r\n\r\n".encode()
    wire = await served(request, request)
    assert [piece.startswith(b"HTTP/1.1 ") and piece.endswith(b"\r\n\r\n" + body) for piece in wire.written] == [
        True
    ] * 2
    assert not wire.closed


async def test_what_a_hot_answer_says_is_what_uvicorn_would_have_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte, on a connection that stays open and on one that is closed."""
    for connection in ("keep-alive", "close"):
        request = f"GET /hot/well HTTP/1.1\r\nhost: door\r\nconnection: {connection}\r\n\r\n".encode()
        at_once = await served(request)
        with monkeypatch.context() as patch:
            patch.setattr(hot_door, "_said_at_once", lambda answer, cycle: False)
            by_uvicorn = await served(request)
        assert len(by_uvicorn.written) == 2
        assert at_once.written == [b"".join(by_uvicorn.written)]
        assert at_once.closed is by_uvicorn.closed is (connection == "close")


async def test_an_answer_with_a_broken_header_is_no_answer() -> None:
    """A value from outside must not begin a header, or an answer, of its own."""
    wire = await served(b"GET /hot/splits HTTP/1.1\r\nhost: door\r\n\r\n")
    assert not any(b"x-evil" in piece for piece in wire.written)


async def test_requests_that_come_before_their_turn_are_answered_in_order() -> None:
    """Pipelined on one connection."""
    one = b"GET /hot/well HTTP/1.1\r\nhost: door\r\n\r\n"
    other = b"GET /other HTTP/1.1\r\nhost: door\r\n\r\n"
    wire = await served(one + other + one)
    everything = b"".join(wire.written)
    assert everything.count(b"HTTP/1.1 200") == 3
    assert everything.index(b"\r\n\r\nhot") < everything.index(b"framework") < everything.rindex(b"hot")


async def test_a_connection_that_is_closed_after_its_answer_has_all_of_it() -> None:
    """The end of the connection does not overtake what was held."""
    wire = await served(b"GET /hot/well HTTP/1.1\r\nhost: door\r\nconnection: close\r\n\r\n")
    assert [piece[-7:] for piece in wire.written] == [b"\r\n\r\nhot"]
    assert wire.closed
