"""Cuts a document into chunks along its structure: sections, then paragraphs, then sentences, then words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jobforge.documents.document import Document

LONGEST = 2_000
"""Characters of a chunk at most. On the Cranfield abstracts 2,000 ranks better than 1,000, and as whole texts do."""
SHORTEST = 400
"""A section shorter than this shares its chunk with the next one."""

_GAP = re.compile(r"(?<![ \t])[ \t]*\n[ \t]*(?:\n[ \t]*)+|(?<![\n \t])[\n \t]*\f[\n \t]*")
# Each run of white space is looked at from its beginning only: else a long one would take quadratic time.
_HEADING = re.compile(r"#{1,6}[ \t]+\S|[^\n]+\n(?:=+|-{2,})[ \t]*$")
_FENCE = re.compile(r"^(```+|~~~+)(.*)$", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?;:])[\"')\]]*\s+|\n")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage, its place in the source (``end`` is behind it), and its page, counted from 1, if there are pages."""

    text: str
    start: int
    end: int
    page: int | None


@dataclass(frozen=True, slots=True)
class _Block:
    start: int
    end: int
    heading: bool


def chunked(document: Document) -> list[Chunk]:
    """All of the document's text, in order; no chunk without a letter or digit, none longer than ``LONGEST``."""
    chunks: list[Chunk] = []
    first: _Block | None = None
    end = 0
    section_closed = False
    for block in _blocks(document.text):
        if first is None:
            first = block
        elif block.end - first.start > LONGEST or (block.heading and section_closed and end - first.start >= SHORTEST):
            chunks += _chunk(document, first.start, end)
            first = block
        section_closed = not block.heading
        end = block.end
    if first is not None:
        chunks += _chunk(document, first.start, end)
    return chunks


def _chunk(document: Document, start: int, end: int) -> list[Chunk]:
    text = document.text[start:end]
    if not any(map(str.isalnum, text)):
        return []
    page = document.page_at(start) if document.paged else None
    return [Chunk(text, document.source_at(start), document.source_at(end - 1) + 1, page)]


def _blocks(text: str) -> Iterator[_Block]:
    """Paragraphs, headings and fenced code, each without the white space around it; what is too long comes in parts."""
    position = 0
    fences = iter(_fenced(text))
    fence = next(fences, None)
    for gap in (*_GAP.finditer(text), None):
        start, end = (gap.start(), gap.end()) if gap else (len(text), len(text))
        while fence and fence[1] <= start:
            fence = next(fences, None)
        if gap and fence and fence[0] < start:
            continue
        yield from _parts(text, position, start)
        position = end


def _fenced(text: str) -> list[tuple[int, int]]:
    """Where fenced code begins and ends; a fence that nothing closes is none."""
    found = []
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif fence[1].startswith(opened[1]) and not fence[2].strip():
            found.append((opened.start(), fence.end()))
            opened = None
    return found


def _parts(text: str, start: int, end: int) -> Iterator[_Block]:
    start, end = _trimmed(text, start, end)
    heading = _HEADING.match(text, start, end) is not None
    while heading and text[start] == "#" and (line := text.find("\n", start, end)) > 0:
        yield from _lengths(text, start, line, heading)
        start, end = _trimmed(text, line, end)
        heading = _HEADING.match(text, start, end) is not None
    yield from _lengths(text, start, end, heading)


def _lengths(text: str, start: int, end: int, heading: bool) -> Iterator[_Block]:
    while end - start > LONGEST:
        cut = _cut(text, start, end)
        yield _Block(start, cut, heading)
        start, _ = _trimmed(text, cut, end)
        heading = False
    if start < end:
        yield _Block(start, end, heading)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _cut(text: str, start: int, end: int) -> int:
    """Where a block that is too long is cut: parts of about one length, at a sentence's end, else between words."""
    parts = -(-(end - start) // LONGEST)
    wanted = min(start + LONGEST, start + (end - start) // parts + LONGEST // 10)
    for boundary in (_SENTENCE, _SPACE):
        cuts = [found.start() for found in boundary.finditer(text, start + LONGEST // 4, wanted)]
        if cuts and (trimmed := len(text[start : cuts[-1]].rstrip())):
            return start + trimmed
    return wanted
