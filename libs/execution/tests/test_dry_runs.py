"""A dry run does nothing to the world: a pure template runs as always, a keyed one says what it would have done."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from jobforge.contracts.runs import RunSucceeded
from jobforge.testkit.builders import job_requested
from jobforge.testkit.echo.working import Echo

POST = "echo.effect.post"


class FarSide(ThreadingHTTPServer):
    """The world outside: it notes the key of each post."""

    keys: list[str]

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://127.0.0.1:{self.server_port}/"


class _Noting(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, FarSide)
        self.server.keys.append(self.headers["Idempotency-Key"])
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's word
        """Says nothing."""


@pytest.fixture
def far_side() -> Iterator[FarSide]:
    with FarSide(("127.0.0.1", 0), _Noting) as server:
        server.keys = []
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_a_dry_run_of_a_keyed_template_lists_its_effects_and_makes_none(echo: Echo, far_side: FarSide) -> None:
    """Its manifest says what would have been posted and where to; the far side has heard nothing."""
    request = job_requested({"url": far_side.url, "message": "pay"}, template_key=POST, dry_run=True)
    await echo.request(request)
    async with echo.working():
        end = await echo.end(request.run_id)
    assert isinstance(end, RunSucceeded)
    assert end.request is not None
    assert end.request.dry_run
    planned = [{"step": "post", "url": far_side.url, "message": "pay"}]
    assert end.outputs == {"key": None, "repeated": False, "planned_effects": planned}
    assert far_side.keys == []


async def test_the_same_request_without_dry_run_acts_with_its_key_and_plans_nothing(
    echo: Echo, far_side: FarSide
) -> None:
    """Its outputs are the template's own."""
    request = job_requested({"url": far_side.url, "message": "pay"}, template_key=POST)
    await echo.request(request)
    async with echo.working():
        end = await echo.end(request.run_id)
    key = f"{request.run_id}:post"
    assert (end.outputs, far_side.keys) == ({"key": key, "repeated": False}, [key])


async def test_a_dry_run_of_a_pure_template_runs_fully(echo: Echo) -> None:
    """Outputs and artifacts are those of any other run."""
    requests = [job_requested({"message": "m", "artifact": "a"}, dry_run=dry_run) for dry_run in (True, False)]
    await echo.request(*requests)
    async with echo.working():
        dry, wet = [await echo.end(request.run_id) for request in requests]
    assert isinstance(dry, RunSucceeded)
    assert dry.outputs == wet.outputs
    assert "planned_effects" not in dry.outputs
    assert [written.sha256 for written in dry.artifacts] == [written.sha256 for written in wet.artifacts]


async def test_planned_effects_that_are_too_large_for_a_record_stand_in_the_outputs_artifact(
    echo: Echo, far_side: FarSide
) -> None:
    """Like all outputs."""
    request = job_requested({"url": far_side.url, "message": "x" * 2000}, template_key=POST, dry_run=True)
    await echo.request(request)
    async with echo.working():
        end = await echo.end(request.run_id)
    assert isinstance(end, RunSucceeded)
    assert end.outputs == {"$artifact": "outputs.json"}
    (written,) = end.artifacts
    assert b'"planned_effects":[{"message":"xxx' in await echo.store.read(written.location)
