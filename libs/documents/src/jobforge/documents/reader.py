"""Reads a document of any supported kind; each kind's library is imported only when a file needs it."""

from jobforge.aias.errors import DocumentEmpty, DocumentTooLarge
from jobforge.aias.reading.bounds import Bounds
from jobforge.aias.reading.detection import detect
from jobforge.aias.reading.document import Document


def read_document(data: bytes, content_type: str, bounds: Bounds) -> Document:
    """The text of the file; raises one of ``jobforge.aias.errors``, never returns a document without a word."""
    if len(data) > bounds.file_size:
        raise DocumentTooLarge(
            f"The file has {len(data)} bytes; at most {bounds.file_size} are read (JOBFORGE_AIAS_MAX_BYTES)."
        )
    document = _read(data, content_type, bounds)
    if len(document.text) > bounds.characters:
        raise DocumentTooLarge(
            f"The document holds more than {bounds.characters} characters of text (JOBFORGE_AIAS_MAX_CHARACTERS)."
        )
    if not any(map(str.isalnum, document.text)):
        raise DocumentEmpty("The file holds no words; if it is a scan, run text recognition on it first.")
    return Document(_storable(document.text), document.pieces, document.paged)


def _read(data: bytes, content_type: str, bounds: Bounds) -> Document:
    match detect(data, content_type):
        case "pdf":
            from jobforge.aias.reading.pdf import read_pdf

            return read_pdf(data, bounds)
        case "docx":
            from jobforge.aias.reading.docx import read_docx

            return read_docx(data, bounds)
        case "html":
            from jobforge.aias.reading.html import read_html

            return read_html(data)
        case "text":
            from jobforge.aias.reading.plain import read_plain

            return read_plain(data)


def _storable(text: str) -> str:
    """Each NUL and each half of a surrogate pair replaced, which JSON cannot carry; the length stays."""
    return "".join("\ufffd" if c == "\x00" or "\ud800" <= c <= "\udfff" else c for c in text) if _odd(text) else text


def _odd(text: str) -> bool:
    if "\x00" in text:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
