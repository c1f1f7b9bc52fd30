"""Files are read with their pages; what cannot be read is refused by name."""

import io
import zipfile
import zlib

import pytest
from pypdf import PdfWriter
from pypdf.generic import NameObject, NumberObject, StreamObject

from jobforge.documents.bounds import Bounds
from jobforge.documents.document import Document
from jobforge.documents.errors import DocumentEncrypted, DocumentTooLarge, DocumentUnreadable, DocumentUnsupported
from jobforge.documents.manner import Manner
from jobforge.documents.pdf import _storable
from jobforge.documents.reader import read_document
from jobforge.testkit.papers import pdf_bytes, pdf_of

BOUNDS = Bounds()
MANNER = Manner("contracts are read as plain text, PDF or DOCX", layout="pages", html=False, western=True)
PROSE = "This Agreement is made between the parties named below and binds both of them. " * 3


def read(data: bytes, content_type: str = "application/octet-stream", bounds: Bounds = BOUNDS) -> Document:
    return read_document(data, content_type, bounds, MANNER)


def archive(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, body in parts.items():
            target.writestr(name, body)
    return file.getvalue()


def test_deleted_words_of_a_docx_are_not_read() -> None:
    """Tracked deletions are no longer part of the document."""
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


def test_a_long_text_with_page_tags_is_refused_and_not_cut() -> None:
    """What the tags take is no room for text beyond the limit."""
    with pytest.raises(DocumentTooLarge):
        read(f"{PROSE}\n<PAGE>   3\n{PROSE * 9}".encode(), bounds=Bounds(characters=500))


def test_pages_of_a_docx_are_those_that_word_last_drew() -> None:
    """Where the file says so."""
    body = (
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r>'
        "<w:t>One</w:t><w:lastRenderedPageBreak/><w:t>Two</w:t></w:r></w:p></w:body></w:document>"
    )
    document = read(minimal_docx(body.encode()))
    assert (document.text, document.pages, document.page_at(4)) == ("One\fTwo\n", 2, 2)


def test_a_text_that_is_declared_html_is_read_where_html_is_not() -> None:
    """The declared type is only believed for what is read."""
    assert read(PROSE.encode(), "text/html").text == PROSE


def test_what_broken_fonts_yield_is_replaced() -> None:
    """NULs and halves of surrogate pairs, which JSON cannot carry; what stands beside them stays."""
    assert read("a\x00b".encode("utf-16")).text == "a b"
    assert _storable("a\x00\ud800b\ud83d\ude00") == "a \ufffdb\U0001f600"


def test_a_pdf_with_a_password_is_encrypted() -> None:
    """Whatever the cipher."""
    for algorithm in ("RC4-128", "AES-256"):
        writer = PdfWriter(io.BytesIO(pdf_of("BLOCKCHAIN")), full=True)
        writer.encrypt("secret", algorithm=algorithm)
        with pytest.raises(DocumentEncrypted):
            read(pdf_bytes(writer))


def test_a_pdf_that_only_restricts_printing_is_read() -> None:
    """An owner's password does not keep readers out."""
    writer = PdfWriter(io.BytesIO(pdf_of("BLOCKCHAIN")), full=True)
    writer.encrypt("", "owner", algorithm="AES-256")
    assert "BLOCKCHAIN" in read(pdf_bytes(writer)).text


def test_an_office_file_with_a_password_is_encrypted() -> None:
    """Office wraps it in a compound file with a stream of this name."""
    locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(DocumentEncrypted):
        read(locked)


@pytest.mark.parametrize("data", [b"%PDF-1.7\n" + bytes(range(256)) * 20, b"%PDF-1.7 only", b"PK\x03\x04 only"])
def test_a_file_of_garbage_is_unreadable(data: bytes) -> None:
    """The first bytes promise a PDF or a DOCX and nothing keeps it."""
    with pytest.raises(DocumentUnreadable):
        read(data)


def test_a_truncated_docx_is_unreadable() -> None:
    """An archive without its directory."""
    whole = minimal_docx(b"<w:document/>")
    with pytest.raises(DocumentUnreadable):
        read(whole[: len(whole) // 2])


@pytest.mark.parametrize("body", [b"", b"<w:document", b"<a/>", b"\x00\x01"])
def test_a_docx_of_broken_xml_is_unreadable(body: bytes) -> None:
    """Whatever stands where the document should."""
    with pytest.raises(DocumentUnreadable):
        read(minimal_docx(body))


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "PNG"),
        (b"{\\rtf1 hello}", "RTF"),
        (b"<!DOCTYPE html><p>hello", "HTML"),
        (b"\xef\xbb\xbf<!-- filed --><html><p>hello", "HTML"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ".doc"),
        (bytes(range(256)) * 4, "binary"),
    ],
)
def test_other_types_are_refused_by_name(data: bytes, named: str) -> None:
    """The message says what the file is."""
    with pytest.raises(DocumentUnsupported, match=named):
        read(data)


def test_an_archive_that_is_no_docx_is_refused() -> None:
    """A zip of something else."""
    with pytest.raises(DocumentUnsupported):
        read(archive({"readme.txt": b"hello"}))


def test_a_docx_bomb_is_refused_before_it_unpacks() -> None:
    """300 MiB of blanks in 300 KiB."""
    bomb = minimal_docx(b" " * (300 * 1024 * 1024))
    assert len(bomb) < 1_000_000
    with pytest.raises(DocumentTooLarge):
        read(bomb)


def test_entities_of_a_docx_are_not_expanded() -> None:
    """A billion laughs."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    laughs = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "ha">{entities}]><d>&l9;</d>'
    with pytest.raises((DocumentUnreadable, DocumentTooLarge)):
        read(minimal_docx(laughs.encode()))


def test_a_docx_shows_no_file_of_the_machine() -> None:
    """An entity that names one is never resolved."""
    xml = (
        b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r>'
        b"<w:t>&x; words</w:t></w:r></w:p></w:body></w:document>"
    )
    assert "root:" not in read(minimal_docx(xml)).text


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
    assert read(pdf_bytes(writer)).pages_without_text == 1


def test_too_many_pages_bytes_or_characters_are_refused() -> None:
    """Each limit by itself, with the same code."""
    pdf = pdf_of(PROSE, PROSE, PROSE)
    for content, bounds in (
        (pdf, Bounds(pages=2)),
        (pdf, Bounds(file_size=1_000)),
        (pdf, Bounds(characters=500)),
        (PROSE.encode() * 10, Bounds(characters=500)),
        ((PROSE + "\f").encode() * 5, Bounds(pages=4)),
    ):
        with pytest.raises(DocumentTooLarge):
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
