"""Pictures made on the spot, and a job that works in real child processes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import numpy as np
import pytest
import pyvips

from jobforge.chassis.artifacts import StoredObject
from jobforge.execution.children import Children
from jobforge.execution.errors import ObjectMissing

R = TypeVar("R")
DATA = Path(__file__).parent / "data"


@dataclass
class RecordingJob:
    """A job that keeps what its template does; CPU work really goes to child processes."""

    objects: dict[str, bytes] = field(default_factory=dict)
    run_id: UUID = field(default_factory=uuid4)
    tenant_id: str = "acme"
    project_id: str | None = None
    attempt: int = 1
    dry_run: bool = False
    trace_id: str = "trace_1_abc"
    artifacts: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    reported: list[tuple[float, str | None]] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    tool_versions: dict[str, str] = field(default_factory=dict)
    children: Children = field(default_factory=lambda: Children(1))

    async def progress(self, fraction: float, message: str | None = None) -> None:
        self.reported.append((fraction, message))

    async def read_object(self, kind: str, object_id: str) -> StoredObject:
        if kind != "asset" or object_id not in self.objects:
            raise ObjectMissing(object_id)
        data = self.objects[object_id]
        return StoredObject(kind, object_id, data, len(data), "0" * 64, "application/octet-stream")

    async def write_artifact(self, name: str, data: bytes | str, media_type: str) -> None:
        assert name not in self.artifacts, "an artifact was written twice"
        self.artifacts[name] = (data.encode() if isinstance(data, str) else data, media_type)

    async def in_process(self, function: Callable[..., R], *args: Any) -> R:
        return await self.children.run(function, *args)

    async def in_thread(self, function: Callable[..., R], *args: Any) -> R:
        return function(*args)

    def measure(self, name: str, value: float) -> None:
        self.metrics[name] = value

    def used_tool(self, name: str, version: str) -> None:
        self.tool_versions[name] = version


@pytest.fixture
def photograph() -> bytes:
    """A photograph as an uploaded PNG, 256 pixels wide."""
    return (DATA / "kodim23-256.png").read_bytes()


@pytest.fixture(scope="session")
def scene() -> pyvips.Image:
    """A 160 x 120 picture with gradients, an edge and a little noise: red on the left, its top left corner white."""
    rows, columns = np.mgrid[0:120, 0:160]
    noise = np.random.default_rng(7).normal(0, 4, (120, 160))
    pixels = np.stack([240 - columns, rows * 1.5, columns * 0.8 + rows * 0.4], axis=2) + noise[:, :, None]
    pixels[:40, :50] = 255
    return pyvips.Image.new_from_array(np.clip(pixels, 0, 255).astype(np.uint8), interpretation="srgb")


@pytest.fixture
def recording_job() -> RecordingJob:
    return RecordingJob()
