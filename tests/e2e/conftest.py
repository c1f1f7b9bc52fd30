"""Real service processes on the real plane, and a client that talks to them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jobforge.client import AsyncJobForgeClient
from jobforge.testkit.backends import Plane
from jobforge.testkit.processes import Services
from jobforge.testkit.running import Running, Start


@pytest.fixture
def running(clean_plane: Plane, tmp_path: Path) -> Start:
    """Starts the named services on an empty plane: ``async with running("ingestion", "manifest") as plane``."""

    @asynccontextmanager
    async def start(*names: str, traces: bool = False, **variables: str) -> AsyncIterator[Running]:
        artifacts, logs = tmp_path / "artifacts", tmp_path / "logs"
        artifacts.mkdir(exist_ok=True)
        environment = clean_plane.environment(artifacts=artifacts, traces=traces, **variables)
        async with Services(environment, logs=logs) as services:
            await services.start(*names)
            async with AsyncJobForgeClient(
                url=services["ingestion"].url, query_url=services["manifest"].url, timeout=30
            ) as client:
                yield Running(clean_plane, services, client, artifacts, logs, traces)

    return start
