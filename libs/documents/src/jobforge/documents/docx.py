"""DOCX: paragraphs, headings and tables in reading order; imported only in the child process that reads."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.xmlchemy import BaseOxmlElement

from jobforge.documents.bounds import Bounds
from jobforge.documents.document import PAGE_BREAK, Document, joined
from jobforge.documents.errors import DocumentEncrypted, DocumentTooLarge, DocumentUnreadable, DocumentUnsupported
from jobforge.documents.manner import Layout, Manner

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_SKIPPED = frozenset({f"{_MC}Fallback", f"{_W}del", f"{_W}moveFrom", f"{_W}pPr", f"{_W}instrText"})
_SIGNS = {f"{_W}tab": "\t", f"{_W}noBreakHyphen": "-", f"{_W}br": "\n", f"{_W}cr": "\n"}
_ENDS: dict[Layout, dict[str, str]] = {
    "pages": {f"{_W}p": "\n", f"{_W}tc": "\t"},
    "blocks": {f"{_W}p": "\n\n", f"{_W}tc": "\t", f"{_W}tr": "\n", f"{_W}tbl": "\n"},
}
"""What stands behind an element; a paragraph in a table is a part of its cell."""
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


def read_docx(data: bytes, bounds: Bounds, manner: Manner) -> Document:
    """The text of the body; pages are those that Word last drew, where it says so. Entities are never resolved."""
    try:
        _check_archive(data, bounds, manner)
        body = docx.Document(io.BytesIO(data)).element.body
    except _BROKEN as error:
        raise DocumentUnreadable(f"The DOCX is broken: {error}") from error
    text = "".join(_pieces(body, manner.layout))
    if manner.layout == "blocks":
        return Document(text, "docx")
    return joined(text.split(PAGE_BREAK), file_format="docx")


def _check_archive(data: bytes, bounds: Bounds, manner: Manner) -> None:
    """Refuse what is no DOCX or would unpack beyond the bounds, before anything is unpacked.

    The sizes in the archive's directory may be trusted: zipfile never reads past them.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise DocumentEncrypted("The DOCX is protected with a password: upload it without.")
    if not any(part.filename == "word/document.xml" for part in parts):
        raise DocumentUnsupported(f"The file is an archive and no DOCX; {manner.accepted}.")
    if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > bounds.unpacked_size:
        most = f"{bounds.unpacked_size} bytes ({bounds.prefix}MAX_UNPACKED_BYTES) or {_MAX_PARTS} parts"
        raise DocumentTooLarge(f"The DOCX unpacks to more than {most}.")


def _pieces(element: BaseOxmlElement, layout: Layout, *, in_table: bool = False) -> Iterator[str]:
    if element.tag in _SKIPPED:
        return
    if element.tag == f"{_W}t":
        yield element.text or ""
    elif element.tag == f"{_W}lastRenderedPageBreak" and layout == "pages":
        yield PAGE_BREAK
    elif element.tag == f"{_W}p" and layout == "blocks":
        yield _heading(element)
    else:
        yield _SIGNS.get(element.tag, "")
    for child in element:
        yield from _pieces(child, layout, in_table=in_table or element.tag == f"{_W}tbl")
    if layout == "pages" or element.tag != f"{_W}p" or not in_table:
        yield _ENDS[layout].get(element.tag, "")


def _heading(paragraph: BaseOxmlElement) -> str:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    found = _HEADING.match(style.get(f"{_W}val") or "") if style is not None else None
    return "" if found is None else "#" * int(found[1] or 1) + " "
