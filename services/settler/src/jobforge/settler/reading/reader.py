"""Reads a contract file of any supported kind; each kind's library is imported only when a file needs it."""

from jobforge.settler.failures import ContractHasNoText, ContractTooLarge
from jobforge.settler.reading.bounds import Bounds
from jobforge.settler.reading.detection import detect
from jobforge.settler.reading.document import Document

# Page numbers and a stamp are no contract: below this a file counts as having no text.
_FEWEST_LETTERS = 80
_FEWEST_LETTERS_A_PAGE = 15


def read_document(data: bytes, content_type: str, bounds: Bounds) -> Document:
    """The text of the file; raises one of ``jobforge.settler.failures``, never returns a document without text."""
    if len(data) > bounds.file_size:
        raise ContractTooLarge(f"The file has {len(data)} bytes; a contract may have {bounds.file_size}.")
    document = _read(data, content_type, bounds)
    if len(document.text) > bounds.characters:
        raise ContractTooLarge(f"The contract holds more than {bounds.characters} characters of text.")
    if document.pages > bounds.pages:
        raise ContractTooLarge(f"The contract has {document.pages} pages; it may have {bounds.pages}.")
    letters = sum(map(str.isalpha, document.text))
    if letters < max(_FEWEST_LETTERS, _FEWEST_LETTERS_A_PAGE * document.pages):
        raise ContractHasNoText(
            f"The {document.format} file of {document.pages} page(s) holds no text to speak of ({letters} letters); "
            "if it is a scan, run text recognition on it first."
        )
    return document


def _read(data: bytes, content_type: str, bounds: Bounds) -> Document:
    match detect(data, content_type):
        case "pdf":
            from jobforge.settler.reading.pdf import read_pdf

            return read_pdf(data, bounds)
        case "docx":
            from jobforge.settler.reading.docx import read_docx

            return read_docx(data, bounds)
        case "text":
            from jobforge.settler.reading.plain import read_plain

            return read_plain(data, bounds)
