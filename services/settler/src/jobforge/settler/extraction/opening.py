"""Where a contract begins: its cover, and the paragraph that names the parties and the date."""

from dataclasses import dataclass

from jobforge.settler.extraction.passage import Flat, Span, phrase

_RECITALS = phrase(
    r"\b(?:W\s*I\s*T\s*N\s*E\s*S\s*S\s*E\s*T\s*H|WHEREAS|Whereas|R\s*E\s*C\s*I\s*T\s*A\s*L\s*S?|Recitals|"
    r"BACKGROUND|Background|NOW,? THEREFORE|PRELIMINARY STATEMENTS?|"
    r"PREAMBLE|Preamble|agree as follows|AGREE AS FOLLOWS|INTRODUCTION|IT IS (?:HEREBY )?AGREED|In "
    r"consideration of|IN CONSIDERATION OF)\b",
    cased=True,
)
_PREAMBLE = phrase(
    r"\b(?:this|the) [^.]{0,150}?(?:agreement|contract|addendum|amendment|lease|license|plan|JSMA)\b[^.]{0,200}?"
    r"(?:made|entered|dated|effective|executed|between|among|is by|provides|agree)"
)
_BETWEEN = phrase(r"\b(?:by and between|by and among(?:st)?|between|among(?:st)?)\b")
_AGREED = phrase(r"\b(?:hereby )?agrees? (?:with each other )?(?:as follows|that)\b")
_COVER = 15_000
_LONGEST = 5_000


@dataclass(frozen=True, slots=True)
class Opening:
    """``cover`` is everything before ``preamble``; the preamble ends where recitals or terms begin."""

    cover: Span
    preamble: Span


def find_opening(flat: Flat) -> Opening:
    """The first paragraph that speaks as a preamble does; without one, the text's beginning."""
    start = _preamble_start(flat)
    recitals = _RECITALS.search(flat.text, start + 40, start + _LONGEST)
    end = recitals.start() if recitals else min(len(flat.text), start + _LONGEST // 2)
    return Opening(cover=Span(0, start), preamble=Span(start, end))


def _preamble_start(flat: Flat) -> int:
    agreed = _AGREED.search(flat.text, 0, _COVER)
    openers = [match.start() for match in _PREAMBLE.finditer(flat.text, 0, agreed.end() if agreed else _COVER)]
    for start in openers:
        if _BETWEEN.search(flat.text, start, start + 500):
            return start
    said = [flat.sentence_at(agreed.start()).start] if agreed else []
    return min([*openers[:1], *said], default=0)
