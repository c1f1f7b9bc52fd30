"""A faked plane, and one client to test both kinds with."""

from collections.abc import AsyncIterator, Coroutine, Iterator
from inspect import isasyncgen, iscoroutine
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from jobforge.client import AsyncJobForgeClient, JobForgeClient
from jobforge.testkit.door_routes import fake_plane
from jobforge.testkit.doors import FakePlane


class Driven:
    """The async client, driven from blocking code, so that one suite holds for both clients."""

    def __init__(self, client: AsyncJobForgeClient, portal: BlockingPortal) -> None:
        self._client = client
        self._portal = portal

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._client, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            result = member(*args, **kwargs)
            if isasyncgen(result):
                return self._iterate(result)
            return self._portal.call(_awaited, result) if iscoroutine(result) else result

        return call if callable(member) else member

    def _iterate(self, states: AsyncIterator[Any]) -> Iterator[Any]:
        while (state := self._portal.call(_next, states)) is not None:
            yield state


async def _awaited(result: Coroutine[Any, Any, Any]) -> Any:
    return await result


async def _next(states: AsyncIterator[Any]) -> Any:
    return await anext(states, None)


@pytest.fixture
def plane() -> Iterator[FakePlane]:
    with fake_plane() as plane:
        yield plane


@pytest.fixture(params=["blocking", "async"])
def client(request: pytest.FixtureRequest, plane: FakePlane) -> Iterator[Any]:
    if request.param == "blocking":
        with JobForgeClient(url=plane.url, timeout=5) as client:
            yield client
        return
    with start_blocking_portal() as portal:
        driven = Driven(AsyncJobForgeClient(url=plane.url, timeout=5), portal)
        yield driven
        driven.close()
