"""A contract file is read with its pages; what is none fails with a contract's code."""

from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from jobforge.documents.bounds import Bounds
from jobforge.documents.document import Document
from jobforge.execution.errors import Terminal
from jobforge.settler.failures import ContractHasNoText, ContractUnreadable, contract_failures
from jobforge.settler.reading import read_contract
from jobforge.testkit.papers import pdf_bytes


def read(data: bytes, content_type: str = "application/octet-stream", bounds: Bounds | None = None) -> Document:
    with contract_failures():
        return read_contract(data, content_type, bounds or Bounds())


def test_a_pdf_keeps_its_pages(data: Path) -> None:
    """A passage of the third page is found on the third page."""
    document = read((data / "development.pdf").read_bytes())
    assert document.pages == len(PdfReader(data / "development.pdf").pages)
    third = document.page_starts[2]
    assert document.page_at(third) == 3
    assert document.page_at(third - 1) == 2


def test_a_docx_is_read_in_order_with_its_tables(agreement_docx: bytes) -> None:
    """Paragraphs first, the table's cell last, as on the page."""
    document = read(agreement_docx)
    assert document.text.index("RESELLER AGREEMENT") < document.text.index("Neither party may assign")
    assert "laws of the State of New York" in document.text


def test_a_scan_without_text_is_named() -> None:
    """Blank pages are what a scan looks like to a reader of text."""
    writer = PdfWriter()
    for _ in range(3):
        writer.add_blank_page(300, 300)
    with pytest.raises(ContractHasNoText) as refused:
        read(pdf_bytes(writer))
    assert refused.value.code == "contract.no_text"


@pytest.mark.parametrize("empty", [b"", b"  \n\n \f ", b"\xef\xbb\xbf", b"12 34 -- 56"])
def test_an_empty_file_is_no_contract(empty: bytes) -> None:
    """Never an empty success."""
    with pytest.raises(ContractHasNoText):
        read(empty)


@pytest.mark.parametrize("keep", [40, 2_000])
def test_a_truncated_pdf_is_refused(data: Path, keep: int) -> None:
    """Nothing is left to read of it."""
    truncated = (data / "development.pdf").read_bytes()[:keep]
    with pytest.raises((ContractUnreadable, ContractHasNoText)):
        read(truncated)


@pytest.mark.parametrize(
    ("contract", "code", "says"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "encrypted", "password"),
        (b"%PDF-1.7 and no more", "unreadable", "broken"),
        (b"<!DOCTYPE html><p>hello", "unsupported_type", "HTML; contracts are read as plain text, PDF or DOCX"),
        (b"word " * 300, "too_large", "1500 bytes; at most 1000 are read"),
    ],
)
def test_what_cannot_be_read_fails_with_the_code_of_a_contract(contract: bytes, code: str, says: str) -> None:
    """Beside the one that takes too much, which only a child process can show."""
    with pytest.raises(Terminal, match=says) as refused:
        read(contract, bounds=Bounds(file_size=1_000))
    assert refused.value.code == f"contract.{code}"
