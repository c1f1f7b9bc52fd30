"""PDF, by pypdf; imported only in the child process that reads."""

import io
import logging

from pypdf import PasswordType, PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError, PyPdfError

from jobforge.documents.bounds import Bounds
from jobforge.documents.document import Document, joined
from jobforge.documents.errors import DocumentEncrypted, DocumentTooLarge, DocumentUnreadable

_LOCKED = "The PDF is encrypted and cannot be opened without its password."
# What pypdf lets through when a file lies about its own structure.
_BROKEN = (PyPdfError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError, OSError)


def read_pdf(data: bytes, bounds: Bounds) -> Document:
    """The text of every page; pypdf's own limits bound what a compressed stream may unpack to."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        return _read(PdfReader(io.BytesIO(data), strict=False), bounds)
    except (FileNotDecryptedError, DependencyError) as error:
        raise DocumentEncrypted(_LOCKED) from error
    except LimitReachedError as error:
        raise DocumentTooLarge(f"The PDF unpacks to more than a document may have: {error}") from error
    except _BROKEN as error:
        raise DocumentUnreadable(f"The PDF is broken: {error}") from error


def _read(reader: PdfReader, bounds: Bounds) -> Document:
    if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
        raise DocumentEncrypted(_LOCKED)
    count = len(reader.pages)
    if count == 0:
        raise DocumentUnreadable("The PDF has no pages.")
    bounds.hold(pages=count)
    pages, characters = [], 0
    for page in reader.pages:
        pages.append(_storable(page.extract_text()))
        characters += len(pages[-1])
        bounds.hold(characters=characters)
    return joined(pages)


def _storable(text: str) -> str:
    """Without NULs and the halves of surrogate pairs, which broken fonts yield and JSON cannot carry."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\x00", " ")
