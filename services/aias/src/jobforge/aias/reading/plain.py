"""Text and Markdown: the encoding found, every character kept."""

from jobforge.aias.errors import DocumentUnreadable
from jobforge.aias.reading.document import Document

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_PROBE = 200_000


def read_plain(data: bytes) -> Document:
    """The text as it was written; line ends become ``\\n``, and offsets count after that."""
    return Document(decoded(data).replace("\r\n", "\n").replace("\r", "\n"))


def decoded(data: bytes) -> str:
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
        from charset_normalizer import from_bytes

        best = from_bytes(data[:_PROBE]).best()
        return data.decode(best.encoding if best is not None else "cp1252", errors="replace")
