"""Uploaded documents are read in blocks; one without words is refused."""

import pytest

from jobforge.aias.errors import DocumentEmpty
from jobforge.aias.reading import read_words
from jobforge.documents.bounds import Bounds
from jobforge.documents.errors import DocumentUnsupported


def test_a_pdf_is_read_page_by_page(manual_pdf: bytes) -> None:
    """A form feed stands between two."""
    document = read_words(manual_pdf, "application/pdf", Bounds())
    assert document.paged
    assert document.text.split("\f")[1] == "The pump starts with the green lever."


def test_a_docx_is_read_with_headings_and_tables(manual_docx: bytes) -> None:
    """In reading order."""
    text = read_words(manual_docx, "", Bounds()).text
    assert text.startswith("# Starting the pump\n\nPull the green lever until it clicks.")
    assert "Lever\tgreen" in text


@pytest.mark.parametrize("data", [b"", b" \n\t --- \n", b"<html><script>alert(1)</script></html>"])
def test_a_document_without_words_is_refused(data: bytes) -> None:
    """Never an empty document."""
    with pytest.raises(DocumentEmpty):
        read_words(data, "", Bounds())


def test_the_message_names_what_is_read() -> None:
    """Markdown and HTML as well."""
    with pytest.raises(DocumentUnsupported, match="PNG image; documents are read as plain text, Markdown, HTML, PDF"):
        read_words(b"\x89PNG\r\n\x1a\n", "", Bounds())
