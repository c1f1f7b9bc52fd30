"""DOCX: paragraphs and tables in reading order; imported only in the child process that reads."""

import io
import zipfile
import zlib
from collections.abc import Iterator

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.xmlchemy import BaseOxmlElement

from jobforge.settler.failures import (
    ContractEncrypted,
    ContractTooLarge,
    ContractTypeUnsupported,
    ContractUnreadable,
)
from jobforge.settler.reading.bounds import Bounds
from jobforge.settler.reading.document import PAGE_BREAK, Document, joined

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_SKIPPED = frozenset({f"{_MC}Fallback", f"{_W}del", f"{_W}moveFrom", f"{_W}pPr", f"{_W}instrText"})
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
    """Pages are those that Word last drew, where the file says so; without such marks there is one page."""
    try:
        _check_archive(data, bounds)
        body = docx.Document(io.BytesIO(data)).element.body
    except _BROKEN as error:
        raise ContractUnreadable(f"The DOCX is broken: {error}") from error
    text = "".join(_pieces(body))
    if len(text) > bounds.characters:
        raise ContractTooLarge(f"The DOCX holds more than {bounds.characters} characters of text.")
    pages = text.split(PAGE_BREAK)
    if len(pages) > bounds.pages:
        raise ContractTooLarge(f"The DOCX has {len(pages)} pages; a contract may have {bounds.pages}.")
    return joined(pages, file_format="docx")


def _check_archive(data: bytes, bounds: Bounds) -> None:
    """Refuse what is no DOCX or would unpack beyond the bounds, before anything is unpacked.

    The sizes in the archive's directory may be trusted: zipfile never reads past them.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise ContractEncrypted("The DOCX is protected with a password.")
    if not any(part.filename == "word/document.xml" for part in parts):
        raise ContractTypeUnsupported("The file is an archive and no DOCX; contracts are read as text, PDF or DOCX.")
    if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > bounds.unpacked_size:
        raise ContractTooLarge(f"The DOCX unpacks to more than {bounds.unpacked_size} bytes or {_MAX_PARTS} parts.")


def _pieces(element: BaseOxmlElement) -> Iterator[str]:
    if element.tag in _SKIPPED:
        return
    if element.tag == f"{_W}t":
        yield element.text or ""
    elif element.tag in (f"{_W}tab", f"{_W}noBreakHyphen"):
        yield "\t" if element.tag == f"{_W}tab" else "-"
    elif element.tag == f"{_W}lastRenderedPageBreak":
        yield PAGE_BREAK
    elif element.tag in (f"{_W}br", f"{_W}cr"):
        yield "\n"
    for child in element:
        yield from _pieces(child)
    if element.tag == f"{_W}p":
        yield "\n"
    elif element.tag == f"{_W}tc":
        yield "\t"
