"""HEAD on every resource, and what an app's requests are counted as."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from starlette.responses import StreamingResponse

from jobforge.chassis.head_requests import HeadRequests
from jobforge.chassis.hot_door import Answer, HotDoor


class App(HotDoor, FastAPI):
    """An app without hot requests."""


@pytest.fixture
async def caller() -> AsyncIterator[httpx.AsyncClient]:
    """A caller of an app that has a document, a stream without end, and a POST."""
    app = App()
    app.hot = lambda scope, receive: None
    app.refusal = lambda error: Answer(500, [], b"")

    @app.get("/documents/{name}")
    async def document(name: str) -> dict[str, str]:
        return {"name": name}

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def for_ever() -> AsyncIterator[bytes]:
            while True:
                yield b"x"
                await asyncio.sleep(0.01)

        return StreamingResponse(for_ever(), media_type="text/event-stream")

    @app.post("/documents")
    async def make() -> None:
        """Nothing to look at."""

    app.add_middleware(HeadRequests)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
        yield client


def counted(route: str, method: str, status: int) -> float:
    """Requests counted so far."""
    labels = {"route": route, "method": method, "status": str(status)}
    return REGISTRY.get_sample_value("jobforge_http_requests_total", labels) or 0


async def test_head_answers_what_get_would_without_the_body(caller: httpx.AsyncClient) -> None:
    """The same status and headers, its length among them."""
    get, head = await caller.get("/documents/a"), await caller.head("/documents/a")
    assert (head.status_code, head.content, dict(head.headers)) == (200, b"", dict(get.headers))


async def test_head_of_a_stream_without_end_ends(caller: httpx.AsyncClient) -> None:
    """Its maker is told that the caller is gone."""
    async with asyncio.timeout(5):
        head = await caller.head("/stream")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/event-stream")


async def test_head_of_what_cannot_be_read_is_still_refused(caller: httpx.AsyncClient) -> None:
    """An address that takes only POST has nothing to show."""
    assert (await caller.head("/documents")).status_code == 405
    assert (await caller.head("/nowhere")).status_code == 404


async def test_requests_are_counted_by_route_method_and_status(caller: httpx.AsyncClient) -> None:
    """By the route, not the address: a label with ids would grow for ever."""
    before = counted("/documents/{name}", "HEAD", 200), counted("/documents/{name}", "GET", 200)
    await caller.head("/documents/b")
    await caller.get("/documents/c")
    after = counted("/documents/{name}", "HEAD", 200), counted("/documents/{name}", "GET", 200)
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)
    assert counted("other", "GET", 404) + 1 == (await caller.get("/nowhere"), counted("other", "GET", 404))[1]


async def test_a_request_is_counted_once(caller: httpx.AsyncClient) -> None:
    """The view's routes were counted by a middleware and by the door around it."""
    before = counted("/documents/{name}", "GET", 200)
    await caller.get("/documents/d")
    assert counted("/documents/{name}", "GET", 200) == before + 1
