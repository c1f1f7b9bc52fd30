"""Reads an uploaded document in blocks, as it is to be cut."""

from jobforge.aias.errors import DocumentEmpty
from jobforge.documents.bounds import Bounds
from jobforge.documents.document import Document
from jobforge.documents.manner import Manner
from jobforge.documents.reader import read_document

MANNER = Manner(
    "documents are read as plain text, Markdown, HTML, PDF or DOCX", layout="blocks", html=True, western=False
)


def read_words(data: bytes, content_type: str, bounds: Bounds) -> Document:
    """Never a document without a word: raises ``DocumentEmpty``, or one of ``jobforge.documents.errors``."""
    document = read_document(data, content_type, bounds, MANNER)
    if not any(map(str.isalnum, document.text)):
        raise DocumentEmpty("The file holds no words; if it is a scan, run text recognition on it first.")
    return document
