"""Plain text and Markdown: the encoding found, every character or every page kept."""

import re
from contextlib import suppress

from jobforge.documents.document import Document, joined
from jobforge.documents.errors import DocumentUnreadable
from jobforge.documents.manner import Manner

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_PAGE_TAG = re.compile(r"\f|^[ \t]*<PAGE>[ \t]*\d*[ \t]*$", re.MULTILINE)
_PROBE = 200_000


def read_plain(data: bytes, manner: Manner) -> Document:
    """As it was written; or in pages, which end at a form feed or at a line that holds ``<PAGE>``, as in filings."""
    text = decoded(data, manner)
    return Document(text) if manner.layout == "blocks" else joined(_PAGE_TAG.split(text), file_format="text")


def decoded(data: bytes, manner: Manner) -> str:
    """The text, each line end as ``\\n``; a NUL, which JSON cannot carry, is a blank."""
    return _decoded(data, manner).replace("\r\n", "\n").replace("\r", "\n").replace("\x00", " ")


def _decoded(data: bytes, manner: Manner) -> str:
    """UTF-8 or what its mark says; else what charset-normalizer finds; else Windows-1252, as Western offices write."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as error:
                raise DocumentUnreadable(f"The file says that it is {encoding} and is not.") from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    # Windows-1252 accepts nearly anything; when much of the text is beyond ASCII it is probably another alphabet.
    if manner.western and sum(byte >= 0x80 for byte in data) * 10 < len(data):
        with suppress(UnicodeDecodeError):
            return data.decode("cp1252")
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_PROBE]).best()
    return data.decode(best.encoding if best is not None else "cp1252", errors="replace")
