"""Documents made on the spot, and a shelf in a directory."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import docx
import pytest

from jobforge.aias.embedders import Embedder, EmbeddingSettings
from jobforge.aias.indexing import Indexing
from jobforge.aias.reading.bounds import Bounds
from jobforge.aias.searching import Searching
from jobforge.aias.storing.shelf import Shelf
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


def pdf_of(*pages: str) -> bytes:
    """A PDF with one line of text a page."""
    count = len(pages)
    kids = " ".join(f"{3 + 2 * number} 0 R" for number in range(count))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {count} >>"]
    for number, text in enumerate(pages):
        font = "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {4 + 2 * number} 0 R {font} >>")
        stream = f"BT /F1 12 Tf 50 700 Td ({text}) Tj ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    return _pdf_file(objects)


def _pdf_file(objects: Sequence[str]) -> bytes:
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    trailer = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}".encode()


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
