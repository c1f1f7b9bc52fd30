"""DOCX: paragraphs, headings and tables in reading order; imported only in the child process that reads."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.xmlchemy import BaseOxmlElement

from jobforge.aias.errors import DocumentEncrypted, DocumentTooLarge, DocumentUnreadable, DocumentUnsupported
from jobforge.aias.reading.bounds import Bounds
from jobforge.aias.reading.detection import READ
from jobforge.aias.reading.document import Document

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_SKIPPED = frozenset({f"{_MC}Fallback", f"{_W}del", f"{_W}moveFrom", f"{_W}pPr", f"{_W}instrText"})
_HEADING = re.compile(r"(?i)heading\s*([1-6])$|title$")
_MAX_PARTS = 5_000
_ENCRYPTED = 0x1
# lxml reports broken XML as a SyntaxError.
_BROKEN = (
    PackageNotFoundError,
    zipfile.BadZipFile,
    zlib.error,
    SyntaxError,
    LookupError,
    AttributeError,
    ValueError,
    OSError,
)


def read_docx(data: bytes, bounds: Bounds) -> Document:
    """The text of the body, a heading marked as Markdown marks it. Entities of its XML are never resolved."""
    try:
        _check_archive(data, bounds)
        body = docx.Document(io.BytesIO(data)).element.body
    except _BROKEN as error:
        raise DocumentUnreadable(f"The DOCX is broken: {error}") from error
    return Document("".join(_pieces(body)))


def _check_archive(data: bytes, bounds: Bounds) -> None:
    """Refuse what is no DOCX or would unpack beyond the bounds, before anything is unpacked.

    The sizes in the archive's directory may be trusted: zipfile never reads past them.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise DocumentEncrypted("The DOCX is protected with a password: upload it without.")
    if not any(part.filename == "word/document.xml" for part in parts):
        raise DocumentUnsupported(f"The file is an archive and no DOCX; {READ}.")
    if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > bounds.unpacked_size:
        raise DocumentTooLarge(f"The DOCX unpacks to more than {bounds.unpacked_size} bytes or {_MAX_PARTS} parts.")


def _pieces(element: BaseOxmlElement, *, in_table: bool = False) -> Iterator[str]:
    if element.tag in _SKIPPED:
        return
    if element.tag == f"{_W}t":
        yield element.text or ""
    elif element.tag in (f"{_W}tab", f"{_W}noBreakHyphen"):
        yield "\t" if element.tag == f"{_W}tab" else "-"
    elif element.tag in (f"{_W}br", f"{_W}cr"):
        yield "\n"
    elif element.tag == f"{_W}p":
        yield _heading(element)
    for child in element:
        yield from _pieces(child, in_table=in_table or element.tag == f"{_W}tbl")
    if element.tag == f"{_W}p" and not in_table:
        yield "\n\n"
    elif element.tag == f"{_W}tc":
        yield "\t"
    elif element.tag in (f"{_W}tr", f"{_W}tbl"):
        yield "\n"


def _heading(paragraph: BaseOxmlElement) -> str:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    found = _HEADING.match(style.get(f"{_W}val") or "") if style is not None else None
    return "" if found is None else "#" * int(found[1] or 1) + " "
