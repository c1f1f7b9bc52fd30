"""An empty plane, and workers to start on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jobforge.chassis import view
from jobforge.testkit.backends import Plane
from jobforge.testkit.view_by_hand import ViewByHand
from jobforge.testkit.workers import Workers, on


@pytest.fixture
async def workers(clean_plane: Plane, tmp_path: Path) -> AsyncIterator[Workers]:
    """An empty plane on which services can be started, and a connection to its log."""
    async with on(clean_plane, tmp_path) as made:
        yield made


@pytest.fixture
async def by_hand(workers: Workers) -> AsyncIterator[ViewByHand]:
    """The view's part about unfinished runs, in the plane's Valkey."""
    redis = view.connect(workers.plane.redis_url)
    yield ViewByHand(redis, partitions=workers.plane.partitions)
    await redis.aclose()
