"""Services that run on a plane, with a client of their doors: what an end-to-end test holds."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from jobforge.client import AsyncJobForgeClient
from jobforge.testkit.backends import Plane
from jobforge.testkit.processes import Services


@dataclass(frozen=True)
class Running:
    """Services that are ready, and a client of their doors."""

    plane: Plane
    services: Services
    client: AsyncJobForgeClient
    artifacts: Path
    logs: Path
    traces: bool = False
    """Whether spans go to Jaeger."""


Start = Callable[..., AbstractAsyncContextManager[Running]]
"""Starts named services: ``async with running("ingestion", "manifest", traces=True) as plane``."""
