"""Reads a document of any supported kind; each kind's library is imported only when a file needs it."""

from jobforge.documents.bounds import Bounds
from jobforge.documents.detection import detect
from jobforge.documents.document import Document
from jobforge.documents.manner import Manner


def read_document(data: bytes, content_type: str, bounds: Bounds, manner: Manner) -> Document:
    """The text of the file, which may be empty; raises one of ``jobforge.documents.errors``. For a child process."""
    bounds.hold(size=len(data))
    document = _read(data, content_type, bounds, manner)
    bounds.hold(pages=document.pages, characters=len(document.text))
    return document


def _read(data: bytes, content_type: str, bounds: Bounds, manner: Manner) -> Document:
    match detect(data, content_type, manner):
        case "pdf":
            from jobforge.documents.pdf import read_pdf

            return read_pdf(data, bounds)
        case "docx":
            from jobforge.documents.docx import read_docx

            return read_docx(data, bounds, manner)
        case "html":
            from jobforge.documents.html import read_html

            return read_html(data, manner)
        case "text":
            from jobforge.documents.plain import read_plain

            return read_plain(data, manner)
