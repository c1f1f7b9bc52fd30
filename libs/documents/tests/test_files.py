"""What is a contract file is read with its pages; what is none is refused with a code that says why."""

import io
import zipfile
import zlib
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, NumberObject, StreamObject

from jobforge.settler.failures import (
    ContractEncrypted,
    ContractHasNoText,
    ContractTooLarge,
    ContractTypeUnsupported,
    ContractUnreadable,
)
from jobforge.settler.reading.bounds import Bounds
from jobforge.settler.reading.document import Document
from jobforge.settler.reading.reader import read_document

BOUNDS = Bounds()
PROSE = "This Agreement is made between the parties named below and binds both of them. " * 3


def read(data: bytes, content_type: str = "application/octet-stream", bounds: Bounds = BOUNDS) -> Document:
    return read_document(data, content_type, bounds)


def written(writer: PdfWriter) -> bytes:
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def archive(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, body in parts.items():
            target.writestr(name, body)
    return file.getvalue()


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


def test_deleted_words_of_a_docx_are_not_read() -> None:
    """Tracked deletions are no longer part of the contract."""
    body = (
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>'
        f"{PROSE}</w:t></w:r><w:del><w:r><w:t>GONE</w:t></w:r></w:del></w:p></w:body></w:document>"
    )
    assert "GONE" not in read(minimal_docx(body.encode())).text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_text_is_read_in_the_encodings_offices_write(encoding: str) -> None:
    """Umlauts, quotes and section signs arrive as they were typed."""
    text = PROSE + "“Käufer” § 5 – Café"
    assert read(text.encode(encoding)).text == text


def test_text_in_another_alphabet_is_recognised() -> None:
    """Windows-1251 is not shown as Windows-1252."""
    text = "Настоящий договор заключён между сторонами и вступает в силу с момента подписания. " * 5
    assert read(text.encode("cp1251")).text == text


def test_form_feeds_and_page_tags_end_pages() -> None:
    """As printers and as old filings mark them."""
    document = read(f"{PROSE}\f{PROSE}\n<PAGE>   3\n{PROSE}".encode())
    assert document.pages == 3
    assert document.page_at(len(document.text) - 1) == 3


def test_a_scan_without_text_is_named() -> None:
    """Blank pages are what a scan looks like to a reader of text."""
    writer = PdfWriter()
    for _ in range(3):
        writer.add_blank_page(300, 300)
    with pytest.raises(ContractHasNoText) as refused:
        read(written(writer))
    assert refused.value.code == "contract.no_text"


@pytest.mark.parametrize("empty", [b"", b"  \n\n \f ", b"\xef\xbb\xbf", b"12 34 -- 56"])
def test_an_empty_file_is_no_contract(empty: bytes) -> None:
    """Never an empty success."""
    with pytest.raises(ContractHasNoText):
        read(empty)


def test_a_pdf_with_a_password_is_encrypted(data: Path) -> None:
    """Whatever the cipher."""
    for algorithm in ("RC4-128", "AES-256"):
        writer = PdfWriter(clone_from=data / "development.pdf")
        writer.encrypt("secret", algorithm=algorithm)
        with pytest.raises(ContractEncrypted) as refused:
            read(written(writer))
        assert refused.value.code == "contract.encrypted"


def test_a_pdf_that_only_restricts_printing_is_read(data: Path) -> None:
    """An owner's password does not keep readers out."""
    writer = PdfWriter(clone_from=data / "development.pdf")
    writer.encrypt("", "owner", algorithm="AES-256")
    assert "BLOCKCHAIN" in read(written(writer)).text


def test_an_office_file_with_a_password_is_encrypted() -> None:
    """Office wraps it in a compound file with a stream of this name."""
    locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(ContractEncrypted):
        read(locked)


@pytest.mark.parametrize("keep", [40, 2_000])
def test_a_truncated_pdf_is_refused(data: Path, keep: int) -> None:
    """Nothing is left to read of it."""
    truncated = (data / "development.pdf").read_bytes()[:keep]
    with pytest.raises((ContractUnreadable, ContractHasNoText)):
        read(truncated)


def test_a_pdf_of_garbage_is_unreadable() -> None:
    """The first bytes promise a PDF and nothing keeps it."""
    with pytest.raises(ContractUnreadable) as refused:
        read(b"%PDF-1.7\n" + bytes(range(256)) * 20)
    assert refused.value.code == "contract.unreadable"


def test_a_truncated_docx_is_unreadable(agreement_docx: bytes) -> None:
    """An archive without its directory."""
    with pytest.raises(ContractUnreadable):
        read(agreement_docx[: len(agreement_docx) // 2])


@pytest.mark.parametrize("body", [b"", b"<w:document", b"<a/>", b"\x00\x01"])
def test_a_docx_of_broken_xml_is_unreadable(body: bytes) -> None:
    """Whatever stands where the document should."""
    with pytest.raises((ContractUnreadable, ContractHasNoText)):
        read(minimal_docx(body))


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "PNG"),
        (b"{\\rtf1 hello}", "RTF"),
        (b"<!DOCTYPE html><p>hello", "HTML"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ".doc"),
        (bytes(range(256)) * 4, "binary"),
    ],
)
def test_other_types_are_refused_by_name(data: bytes, named: str) -> None:
    """The message says what the file is."""
    with pytest.raises(ContractTypeUnsupported, match=named) as refused:
        read(data)
    assert refused.value.code == "contract.unsupported_type"


def test_an_archive_that_is_no_docx_is_refused() -> None:
    """A zip of something else."""
    with pytest.raises(ContractTypeUnsupported):
        read(archive({"readme.txt": b"hello"}))


def test_a_docx_bomb_is_refused_before_it_unpacks() -> None:
    """300 MiB of blanks in 300 KiB."""
    bomb = minimal_docx(b" " * (300 * 1024 * 1024))
    assert len(bomb) < 1_000_000
    with pytest.raises(ContractTooLarge) as refused:
        read(bomb)
    assert refused.value.code == "contract.too_large"


def test_entities_of_a_docx_are_not_expanded() -> None:
    """A billion laughs."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    laughs = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "ha">{entities}]><d>&l9;</d>'
    with pytest.raises((ContractUnreadable, ContractHasNoText, ContractTooLarge)):
        read(minimal_docx(laughs.encode()))


def test_a_pdf_bomb_is_refused_without_being_unpacked() -> None:
    """A page whose content unpacks to 200 MB."""
    writer = PdfWriter()
    page = writer.add_blank_page(300, 300)
    stream = StreamObject()
    stream._data = zlib.compress(b" " * 200_000_000, 9)
    stream[NameObject("/Filter")] = NameObject("/FlateDecode")
    stream[NameObject("/Length")] = NumberObject(len(stream._data))
    page[NameObject("/Contents")] = writer._add_object(stream)
    # pypdf stops at its own limit and gives the page up: there is nothing to read then.
    with pytest.raises((ContractTooLarge, ContractHasNoText)):
        read(written(writer))


def test_too_many_pages_bytes_or_characters_are_refused(data: Path) -> None:
    """Each limit by itself, with the same code."""
    pdf = (data / "development.pdf").read_bytes()
    for content, bounds in (
        (pdf, Bounds(pages=2)),
        (pdf, Bounds(file_size=1_000)),
        (pdf, Bounds(characters=500)),
        (PROSE.encode() * 10, Bounds(characters=500)),
        ((PROSE + "\f").encode() * 5, Bounds(pages=4)),
    ):
        with pytest.raises(ContractTooLarge):
            read(content, bounds=bounds)


def minimal_docx(body: bytes) -> bytes:
    """The fewest parts that Word accepts around a document."""
    office = "http://schemas.openxmlformats.org"
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    types = (
        f'<Types xmlns="{office}/package/2006/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{main}"/></Types>'
    )
    links = (
        f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>'
    )
    return archive({"[Content_Types].xml": types.encode(), "_rels/.rels": links.encode(), "word/document.xml": body})
