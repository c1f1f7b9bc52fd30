"""Which law governs the contract."""

import re
from collections.abc import Iterator

from jobforge.settler.extraction.passage import Flat, Found, Span, phrase
from jobforge.settler.extraction.places import PLACE, PLACE_OF_LAW, canonical_place

_OF_PLACE = phrase(
    r"\blaws?,?(?: (?:and|or) [a-z]+| \([^)]{1,120}\),?| without [^.;]{5,160}?,)?(?: as applied| applicable)? "
    r"(?:of|in)(?: force in)? (?:the )?(?:U\.?S\.? )?"
    r"(?:(?:State|Commonwealth|Province|Republic|Kingdom|Federal Republic|Special Administrative Region|Emirate|"
    r"Territory|Grand Duchy|Principality|Sultanate|Federation|country)s? of (?:the )?)?(?P<place>" + PLACE + r")\b"
)
_PLACE_LAW = phrase(
    r"\b(?P<place>" + PLACE_OF_LAW + r")(?:'s?)?(?: State)?(?: (?:substantive|internal|domestic|contract))? laws?\b"
)
_HEADED = phrase(
    r"\b(?:governing|applicable) laws?\"?\s*[:.-]+ (?:the )?(?:laws? of )?(?:the )?(?:(?:State|Commonwealth|Province) "
    r"of )?"
    r"(?P<place>" + PLACE + r")\b(?=\s*(?:[.,;]|law\b|$))"
)
_THEREOF = phrase(r"\b(?:State|Province|Commonwealth) of (?P<place>" + PLACE + r")\b[^.;]{0,120}\blaws? thereof\b")
_VERB = phrase(
    r"govern(?:ed|s|ing)?\b|constru(?:ed|ction)|interpret(?:ed|ation)|controlled by|enforced|determined|subject to|"
    r"made (?:and performed )?(?:under|in accordance with)|shall be (?:that|those|the)|in accordance with|shall apply|"
    r"under and (?:pursuant|according)|pursuant to|relying on"
)
_STRONG_VERB = phrase(
    r"govern(?:ed|s|ing)?\b|constru(?:ed|ction)|interpret(?:ed|ation)|\bcho(?:ose|osen|ice)\b|"
    r"\bdetermined (?:\w+ )?(?:in accordance with|by|under)\b|"
    r"\b(?:agreement|contract) (?:shall be|is) (?:made )?(?:subject to|under)\b"
)
_ORGANISED = phrase(
    r"\b(?:organi[sz]ed|existing|incorporated|formed|registered|established|constituted|chartered|duly qualified|"
    r"good standing|created|licensed)\b[^.;]{0,60}$"
)
_SUBJECT = phrase(
    r"\b(?:this|the) (?:\w+ ){0,3}(?:agreement|contract|license|lease|letter|terms)|hereof|hereunder|\bJSMA\b"
)
_GOVERNS = phrase(r"^,? (?:(?:shall|will) (?:exclusively )?)?(?:govern|control|appl(?:y|ies))s?\b")
_HEADING = phrase(r"(?:governing|applicable|choice of|controlling) laws?|law and jurisdiction|laws? to govern")
_LAW = re.compile(r"\blaws?\b", re.IGNORECASE)
_NEAR = 250
_BEFORE = 400


def find_governing_law(flat: Flat) -> Found[str] | None:
    """The place whose law the contract names, with the sentence that names it."""
    candidates = list(_candidates(flat))
    # Of equals the first: annexes repeat the clause for themselves.
    return max(candidates, key=lambda found: (round(found.confidence, 2), -found.span.start), default=None)


def _candidates(flat: Flat) -> Iterator[Found[str]]:
    windows = list(_near_laws(flat.text))
    for pattern in (_OF_PLACE, _PLACE_LAW, _THEREOF, _HEADED):
        for match in (match for window in windows for match in pattern.finditer(flat.text, window.start, window.end)):
            sentence = flat.sentence_at(match.start())
            before = flat.text[max(sentence.start, match.start() - _BEFORE) : match.start()]
            after = flat.text[match.end() : match.end() + 60]
            if _ORGANISED.search(before):
                continue
            near = flat.text[max(0, sentence.start - 60) : match.start()]
            governs = (
                _STRONG_VERB.search(before)
                or (pattern is _THEREOF and _STRONG_VERB.search(match.group()))
                or pattern is _HEADED
                or _GOVERNS.search(after)
            )
            heading = _HEADING.search(near)
            if not (governs or (heading and _VERB.search(before)) or (heading and _VERB.search(after))):
                continue
            confidence = 0.55 + 0.2 * bool(governs) + 0.15 * bool(heading) + 0.08 * bool(_SUBJECT.search(before))
            end = min(sentence.end, match.end() + 250)
            start = max(sentence.start, match.start() - _BEFORE)
            yield Found(canonical_place(match["place"]), Span(start, end), min(confidence, 0.98))


def _near_laws(text: str) -> Iterator[Span]:
    """Where a law can be named: names of places are many, and searched nowhere else."""
    start = end = 0
    for law in _LAW.finditer(text):
        if law.start() - _NEAR > end:
            yield Span(start, end)
            start = law.start() - _NEAR
        end = law.end() + _NEAR
    yield Span(start, min(end, len(text)))
