"""The text of a contract as it was read, and where its pages begin."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

PAGE_BREAK = "\f"


@dataclass(frozen=True, slots=True)
class Document:
    """All character offsets of findings count in ``text``; pages are numbered from 1."""

    text: str
    page_starts: tuple[int, ...]
    format: str
    pages_without_text: int = 0

    @property
    def pages(self) -> int:
        """How many pages the document has; at least 1."""
        return len(self.page_starts)

    def page_at(self, offset: int) -> int:
        """The number of the page that holds the character at ``offset``."""
        return max(1, bisect_right(self.page_starts, offset))


def joined(pages: Sequence[str], *, file_format: str) -> Document:
    """One document of the text of its pages, a form feed between two of them."""
    starts, position = [], 0
    for page in pages:
        starts.append(position)
        position += len(page) + len(PAGE_BREAK)
    without = sum(not any(map(str.isalnum, page)) for page in pages)
    return Document(
        text=PAGE_BREAK.join(pages),
        page_starts=tuple(starts) or (0,),
        format=file_format,
        pages_without_text=without,
    )
