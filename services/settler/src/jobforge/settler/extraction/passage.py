"""A text made easy to match without moving any character: its flat form, its sentences, its spans."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

V = TypeVar("V")

_FOLD = {ord(c): '"' for c in "“”„‟″«»"} | {ord(c): "'" for c in "‘’‚‛′`"}
_FOLD |= {ord(c): "-" for c in "‐‑‒–—―−"} | {ord(c): " " for c in "\n\r\t\f\v\xa0   ​"}
_PARAGRAPH = re.compile(r"\n[ \t\xa0]*\n|\f")
_END = re.compile(r"[.;?!][\"')]*(?= +[\"'(\[]*[A-Z0-9(])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:inc|ltd|co|corp|no|nos|sec|mr|mrs|ms|dr|st|vs|etc|art|ave|blvd|dept|approx|e\.g|i\.e|l\.?p|"
    r"n\.?v|b\.?v|s\.?a"
    r"|u\.?s|d\.?c|[A-Za-z])|[(\s][ivx]+|\d)\.$",
    re.IGNORECASE,
)
_LONGEST = 1_500


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open character range in a document's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Found(Generic[V]):
    """A value that the text states at ``span``; confidence from 0 to 1."""

    value: V
    span: Span
    confidence: float


@dataclass(frozen=True)
class Flat:
    """``text`` has the length of ``original``: white space is a blank, quotes and dashes are ASCII."""

    original: str
    text: str
    sentences: tuple[Span, ...]

    def sentence_at(self, offset: int) -> Span:
        """The sentence that holds the character at ``offset``."""
        return self.sentences[max(0, bisect_right(self.sentences, offset, key=lambda span: span.start) - 1)]

    def of(self, span: Span) -> str:
        """The flat text of a span."""
        return self.text[span.start : span.end]


def flatten(text: str) -> Flat:
    """Offsets in the result are offsets in ``text``."""
    flat = text.translate(_FOLD)
    return Flat(original=text, text=flat, sentences=tuple(_sentences(text, flat)))


@cache
def phrase(pattern: str, *, cased: bool = False) -> re.Pattern[str]:
    """Compile a pattern in which each blank stands for any run of white space."""
    return re.compile(pattern.replace(" ", r"\s+"), 0 if cased else re.IGNORECASE)


def trimmed(flat: str, start: int, end: int) -> Span:
    """The span without white space at either end."""
    while start < end and flat[start] == " ":
        start += 1
    while end > start and flat[end - 1] == " ":
        end -= 1
    return Span(start, end)


def _sentences(text: str, flat: str) -> Iterator[Span]:
    cuts = {match.end() for match in _PARAGRAPH.finditer(text)}
    for match in _END.finditer(flat):
        if flat[match.start()] != "." or not _ABBREVIATION.search(flat, max(0, match.start() - 9), match.start() + 1):
            cuts.add(match.end())
    start = 0
    for cut in [*sorted(cuts), len(text)]:
        while cut - start > _LONGEST:
            middle = flat.rfind(" ", start + _LONGEST // 2, start + _LONGEST)
            middle = middle if middle > 0 else start + _LONGEST
            yield Span(start, middle)
            start = middle
        span = trimmed(flat, start, cut)
        if span.start < span.end:
            yield span
        start = cut
