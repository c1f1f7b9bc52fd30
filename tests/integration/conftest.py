"""An empty plane, and workers to start on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jobforge.testkit.backends import Plane
from jobforge.testkit.workers import Workers, on


@pytest.fixture
async def workers(clean_plane: Plane, tmp_path: Path) -> AsyncIterator[Workers]:
    """An empty plane on which services can be started, and a connection to its log."""
    async with on(clean_plane, tmp_path) as made:
        yield made
