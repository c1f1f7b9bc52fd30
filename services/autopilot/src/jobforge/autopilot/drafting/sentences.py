"""Cuts sources into sentences that can stand alone, without their markup."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from jobforge.autopilot.drafting.brief import Source

MOST_SENTENCES = 5_000
"""Of all sources together; what comes after is not looked at."""
_SHORTEST, _LONGEST = 4, 60
"""Words of a sentence that is worth quoting."""
_WORDY = 0.75
"""Share of plain words that tells a sentence from code, paths and lists of names."""
_PLAIN = re.compile(r"[\W]*(?:[^\W\d_]+(?:['’-][^\W\d_]+)*|\d[\d.,]*%?)[\W]*")
_END = re.compile(r"(?<=[.!?])[\"'”’)\]]?\s+(?=[\"'“‘(\[]?[A-Z0-9])")
_NO_END = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|etc|approx|no|fig|dr|mr|mrs|ms|prof|st|inc|ltd|co|corp|jr|sr|u\.s|[a-z]))\.$",
    re.IGNORECASE,
)
_LONGEST_ABBREVIATION = 12
_HANGING = re.compile(
    r"(?:it|its|this|that|these|those|they|their|he|she|his|her|however|therefore|thus|but|and|or|so|also|moreover|"
    r"furthermore|instead|otherwise|such|then|here|in contrast|as a result)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as its source has it; ``place`` counts sentences of all sources."""

    document_id: str
    text: str
    place: int

    @property
    def words(self) -> int:
        """How many there are."""
        return len(self.text.split())

    @property
    def hangs(self) -> bool:
        """Whether it leans on the sentence before it, so that it says less when it stands alone."""
        return _HANGING.match(self.text) is not None


def sentences_of(sources: Sequence[Source]) -> list[Sentence]:
    """The sentences of all sources in order, each once."""
    found: list[Sentence] = []
    seen: set[str] = set()
    for source in sources:
        for paragraph in paragraphs(source.text):
            for text in split(paragraph):
                known = text.casefold()
                if known in seen or not _quotable(text):
                    continue
                seen.add(known)
                found.append(Sentence(source.document_id, text, len(found)))
                if len(found) == MOST_SENTENCES:
                    return found
    return found


def _quotable(text: str) -> bool:
    words = text.split()
    plain = sum(_PLAIN.fullmatch(word) is not None for word in words)
    return _SHORTEST <= len(words) <= _LONGEST and text[-1] in ".!?" and plain >= _WORDY * len(words)


def paragraphs(text: str) -> Iterator[str]:
    """The running text of Markdown or plain text: no headings, code, tables, pictures, HTML or addresses of links."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for before, token in pairwise(tokens):
        if token.type != "inline" or before.type != "paragraph_open":
            continue
        parts = (
            " " if child.type in ("softbreak", "hardbreak") else child.content
            for child in token.children or ()
            if child.type in ("text", "code_inline", "softbreak", "hardbreak", "text_special")
        )
        yield " ".join("".join(parts).split())


def split(paragraph: str) -> list[str]:
    """A paragraph's sentences."""
    parts: list[str] = []
    begin = 0
    for end in _END.finditer(paragraph):
        # Only the end is looked at: a text of nothing but abbreviations would else be read again from its beginning.
        if _NO_END.search(paragraph[max(begin, end.start() - _LONGEST_ABBREVIATION) : end.end()].rstrip()):
            continue
        parts.append(paragraph[begin : end.end()].strip())
        begin = end.end()
    rest = paragraph[begin:].strip()
    return [*parts, rest] if rest else parts
