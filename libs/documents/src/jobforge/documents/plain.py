"""Plain text: its encoding found, its pages kept."""

import re

from jobforge.settler.failures import ContractUnreadable
from jobforge.settler.reading.bounds import Bounds
from jobforge.settler.reading.document import Document, joined

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_PAGE_TAG = re.compile(r"\f|^[ \t]*<PAGE>[ \t]*\d*[ \t]*$", re.MULTILINE)
_PROBE = 200_000


def read_plain(data: bytes, bounds: Bounds) -> Document:
    """Pages end at a form feed or at a line that holds ``<PAGE>``, as older filings mark them."""
    text = _decoded(data).replace("\r\n", "\n").replace("\r", "\n")
    return joined(_PAGE_TAG.split(text[: bounds.characters + 1]), file_format="text")


def _decoded(data: bytes) -> str:
    """UTF-8 or what its mark says; else what charset-normalizer finds; else Windows-1252, as Western offices write."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as error:
                raise ContractUnreadable(f"The file says that it is {encoding} and is not.") from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return _guessed(data)
    high = sum(byte >= 0x80 for byte in data)
    # Windows-1252 accepts nearly anything; when much of the text is beyond ASCII it is probably another alphabet.
    return text if high * 10 < len(data) else _guessed(data)


def _guessed(data: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_PROBE]).best()
    return data.decode(best.encoding if best is not None else "cp1252", errors="replace")
