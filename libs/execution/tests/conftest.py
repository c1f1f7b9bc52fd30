"""An echo domain over a log in memory."""

from pathlib import Path

import pytest

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.testkit.echo.working import Echo


@pytest.fixture
def echo(tmp_path: Path) -> Echo:
    """An echo domain with its artifacts in a temporary folder."""
    return Echo(ArtifactStore(tmp_path.as_uri()), tmp_path.as_uri())
