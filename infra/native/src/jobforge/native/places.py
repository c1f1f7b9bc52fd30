"""Where native mode finds the repository's files, keeps what it built and puts what it runs."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[5]
"""The repository: this package is always installed from its working tree, and of no use outside it."""
INFRA = ROOT / "infra"
SERVICES = ROOT / "services"
RUNTIME = ROOT / ".runtime"
"""Data, logs and process ids of the plane that ``make up`` started; never in git."""


def cache_home() -> Path:
    """Where downloads and builds are kept, by version: ``${XDG_CACHE_HOME:-~/.cache}/jobforge``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jobforge"
