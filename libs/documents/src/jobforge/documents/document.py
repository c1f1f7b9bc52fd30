"""The text of a document as it was read, where its pages begin, and where its characters stand in the source."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

PAGE_BREAK = "\f"
FileFormat = Literal["text", "html", "pdf", "docx"]


@dataclass(frozen=True, slots=True)
class Document:
    """Pages are numbered from 1; ``page_starts`` is empty for a document that is not read page by page.

    ``pieces`` are pairs ``(offset in text, offset in source)``, ascending: from there on both advance together. Text,
    Markdown, PDF and DOCX are read into a text that is the source; only the markup of HTML takes room beside it.
    """

    text: str
    format: FileFormat = "text"
    page_starts: tuple[int, ...] = ()
    pages_without_text: int = 0
    pieces: tuple[tuple[int, int], ...] = ((0, 0),)

    @property
    def paged(self) -> bool:
        """Whether the document is read page by page."""
        return bool(self.page_starts)

    @property
    def pages(self) -> int:
        """How many pages the document has; at least 1."""
        return max(1, len(self.page_starts))

    def page_at(self, offset: int) -> int:
        """The number of the page that holds the character at ``offset``."""
        return max(1, bisect_right(self.page_starts, offset))

    def source_at(self, offset: int) -> int:
        """Where the character at ``offset`` of the text stands in the source."""
        at, source = self.pieces[max(0, bisect_right(self.pieces, offset, key=lambda piece: piece[0]) - 1)]
        return source + offset - at


def joined(pages: Sequence[str], *, file_format: FileFormat = "pdf") -> Document:
    """One document of the text of its pages, a form feed between two of them."""
    starts, position = [], 0
    for page in pages:
        starts.append(position)
        position += len(page) + len(PAGE_BREAK)
    without = sum(not any(map(str.isalnum, page)) for page in pages)
    return Document(PAGE_BREAK.join(pages), file_format, tuple(starts) or (0,), without)
