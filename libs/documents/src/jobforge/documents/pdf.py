"""PDF, by pypdf; imported only in the child process that reads."""

import io
import logging

from pypdf import PasswordType, PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError, PyPdfError

from jobforge.settler.failures import ContractEncrypted, ContractTooLarge, ContractUnreadable
from jobforge.settler.reading.bounds import Bounds
from jobforge.settler.reading.document import Document, joined

# What pypdf lets through when a file lies about its own structure.
_BROKEN = (PyPdfError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError, OSError)


def read_pdf(data: bytes, bounds: Bounds) -> Document:
    """The text of every page; pypdf's own limits bound what a compressed stream may unpack to."""
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    try:
        return _read(PdfReader(io.BytesIO(data), strict=False), bounds)
    except (FileNotDecryptedError, DependencyError) as error:
        raise ContractEncrypted("The PDF is encrypted and cannot be opened without its password.") from error
    except LimitReachedError as error:
        raise ContractTooLarge(f"The PDF unpacks to more than a contract may have: {error}") from error
    except _BROKEN as error:
        raise ContractUnreadable(f"The PDF is broken: {error}") from error


def _read(reader: PdfReader, bounds: Bounds) -> Document:
    if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
        raise ContractEncrypted("The PDF is encrypted and cannot be opened without its password.")
    count = len(reader.pages)
    if count == 0:
        raise ContractUnreadable("The PDF has no pages.")
    if count > bounds.pages:
        raise ContractTooLarge(f"The PDF has {count} pages; a contract may have {bounds.pages}.")
    pages, characters = [], 0
    for page in reader.pages:
        text = _storable(page.extract_text())
        characters += len(text)
        if characters > bounds.characters:
            raise ContractTooLarge(f"The PDF holds more than {bounds.characters} characters of text.")
        pages.append(text)
    return joined(pages, file_format="pdf")


def _storable(text: str) -> str:
    """Without NULs and the halves of surrogate pairs, which broken fonts yield and JSON cannot carry."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\x00", " ")
