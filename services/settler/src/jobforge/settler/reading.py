"""Reads an uploaded contract with its pages."""

from jobforge.documents.bounds import Bounds
from jobforge.documents.document import Document
from jobforge.documents.manner import Manner
from jobforge.documents.reader import read_document
from jobforge.settler.failures import ContractHasNoText

MANNER = Manner("contracts are read as plain text, PDF or DOCX", layout="pages", html=False, western=True)
# Page numbers and a stamp are no contract: below this a file counts as having no text.
_FEWEST_LETTERS = 80
_FEWEST_LETTERS_A_PAGE = 15


def read_contract(data: bytes, content_type: str, bounds: Bounds) -> Document:
    """Never a document without text: raises ``ContractHasNoText``, or one of ``jobforge.documents.errors``."""
    document = read_document(data, content_type, bounds, MANNER)
    letters = sum(map(str.isalpha, document.text))
    if letters < max(_FEWEST_LETTERS, _FEWEST_LETTERS_A_PAGE * document.pages):
        raise ContractHasNoText(
            f"The {document.format} file of {document.pages} page(s) holds no text to speak of ({letters} letters); "
            "if it is a scan, run text recognition on it first."
        )
    return document
