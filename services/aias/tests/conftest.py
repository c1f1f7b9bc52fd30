"""Documents made on the spot, and a shelf in a directory."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import docx
import pytest

from jobforge.aias.embedders import Embedder, EmbeddingSettings
from jobforge.aias.indexing import Indexing
from jobforge.aias.searching import Searching
from jobforge.aias.storing.shelf import Shelf
from jobforge.documents.bounds import Bounds
from jobforge.testkit.papers import pdf_of
from jobforge.testkit.recording_job import RecordingJob

R = TypeVar("R")


class NearJob(RecordingJob):
    """Does a child's work in this process: a child of its own for each test would take most of the tests' time."""

    async def in_process(self, function: Callable[..., R], *args: Any) -> R:
        """At once."""
        return function(*args)


@pytest.fixture
def recording_job() -> RecordingJob:
    return NearJob()


@pytest.fixture
def files(tmp_path: Path) -> Callable[[], list[bytes]]:
    """The bytes of every file on the shelf."""
    return lambda: [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """An empty one."""
    return Shelf((tmp_path / "artifacts").as_uri())


@pytest.fixture
def embedder() -> Embedder:
    """The built-in one."""
    return Embedder(EmbeddingSettings())


@pytest.fixture
def indexing(shelf: Shelf, embedder: Embedder) -> Indexing:
    return Indexing(shelf, embedder, Bounds(), most_chunks=1_000)


@pytest.fixture
def searching(shelf: Shelf, embedder: Embedder) -> Searching:
    return Searching(shelf, embedder, budget=1 << 20)


@pytest.fixture
def manual_pdf() -> bytes:
    """Three pages, the second one about pumps."""
    return pdf_of("Safety comes first in this house.", "The pump starts with the green lever.", "Ask for help.")


@pytest.fixture
def manual_docx() -> bytes:
    """A heading, a paragraph and a table."""
    document = docx.Document()
    document.add_heading("Starting the pump", level=1)
    document.add_paragraph("Pull the green lever until it clicks.")
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Lever", "green"
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()
