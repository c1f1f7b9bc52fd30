"""Contracts written on the spot, and a job that works in real child processes."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import docx
import pytest

from jobforge.chassis.artifacts import StoredObject
from jobforge.execution.children import Children
from jobforge.execution.errors import ObjectMissing

R = TypeVar("R")
DATA = Path(__file__).parent / "data"

AGREEMENT = """EXHIBIT 10.1

RESELLER AGREEMENT

This Reseller Agreement (this "Agreement") is made and entered into as of March 19, 2024 (the "Effective Date"), by and
between Northwind Tools, Inc., a Delaware corporation ("Supplier"), and Café Bleu Handels GmbH, a company organized
under the laws of Germany ("Reseller").

WHEREAS, Supplier makes software;

1. Term. The initial term of this Agreement shall commence on the Effective Date and continue for a period of three (3)
years. This Agreement shall automatically renew for successive one (1) year terms unless either party gives written
notice at least sixty (60) days prior to the end of the then current term.

2. Assignment. Neither party may assign this Agreement without the prior written consent of the other party.

3. Liability. In no event shall either party be liable for any indirect or consequential damages.

4. Governing Law. This Agreement shall be governed by and construed in accordance with the laws of the State of New
York.
"""


@dataclass
class RecordingJob:
    """A job that keeps what its template does; CPU work really goes to a child process."""

    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
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
        if kind != "contract" or object_id not in self.objects:
            raise ObjectMissing(object_id)
        data, content_type = self.objects[object_id]
        return StoredObject(kind, object_id, data, len(data), "0" * 64, content_type)

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
def recording_job() -> RecordingJob:
    return RecordingJob()


@pytest.fixture
def agreement() -> str:
    """A short contract with every key term."""
    return AGREEMENT


@pytest.fixture
def agreement_docx(agreement: str) -> bytes:
    """The same contract as Word writes it, its last clause in a table."""
    document = docx.Document()
    paragraphs = agreement.split("\n\n")
    for paragraph in paragraphs[:-1]:
        document.add_paragraph(" ".join(paragraph.split()))
    document.add_table(rows=1, cols=1).cell(0, 0).text = " ".join(paragraphs[-1].split())
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


@pytest.fixture
def data() -> Path:
    """Real contracts; see its CREDITS.md."""
    return DATA
