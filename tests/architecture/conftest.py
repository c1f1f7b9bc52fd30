"""Makes the laws importable, and says which tree they judge."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parents[1] / "infra"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return HERE.parents[1]
