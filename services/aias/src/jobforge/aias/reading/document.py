"""A document's readable text, and where each of its characters stands in the source."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

PAGE_BREAK = "\f"


@dataclass(frozen=True, slots=True)
class Document:
    """``text`` holds the blocks of the document, an empty line between two of them.

    ``pieces`` are pairs ``(offset in text, offset in source)``, ascending: from there on both advance together. Text,
    Markdown, PDF and DOCX are read into a text that is the source; only the markup of HTML takes room beside it.
    """

    text: str
    pieces: tuple[tuple[int, int], ...] = ((0, 0),)
    paged: bool = False

    def source_at(self, offset: int) -> int:
        """Where the character at ``offset`` of the text stands in the source."""
        at, source = self.pieces[max(0, bisect_right(self.pieces, offset, key=lambda piece: piece[0]) - 1)]
        return source + offset - at


def joined(pages: Sequence[str]) -> Document:
    """One document of the text of its pages, a form feed between two of them."""
    return Document(PAGE_BREAK.join(pages), paged=True)
