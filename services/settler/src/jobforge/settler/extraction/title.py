"""What the contract calls itself."""

import re

from jobforge.settler.extraction.opening import Opening
from jobforge.settler.extraction.passage import Flat, Found, Span, phrase

_KIND = r"(?:AGREEMENT|CONTRACT|LEASE|LICENSE|ADDENDUM|AMENDMENT|ARRANGEMENT|PLAN|UNDERSTANDING|TERMS AND CONDITIONS)S?"
_NAME = r"[A-Z][A-Z&,'/()-]*"
_SHOUTED = re.compile(rf"\b(?:{_NAME} {{1,4}}(?:[-/&] )?){{1,12}}?{_KIND}\b(?: NO\.? ?\d+)?")
_SPOKEN = phrase(
    r"\bthis (?P<title>(?:[A-Z][\w&,'/-]*|of|and|for|to|the|-)(?: (?:[A-Z][\w&,'/()-]*|of|and|for|to|the|&|-)){0,11}?"
    r" (?:Agreement|AGREEMENT|Contract|CONTRACT|Addendum|Amendment|Lease|License|Plan))\b"
)
_TITLED = re.compile(
    r"\b(?:[A-Z][\w&,'/-]* {1,4}(?:(?:of|and|for|&|-) )?){1,9}?(?:Agreement|Contract|Addendum|Amendment)\b"
)
_NO_TITLE = re.compile(r"^(?:THIS|THE|THESE|AND|OF|EXHIBIT|FORM OF)\s+|\bCONFIDENTIAL TREATMENT\b", re.IGNORECASE)
_DRESS = re.compile(
    (
        r"^(?:EXHIBIT\s+[\w().-]*\d[\w().-]*\s+|(?:EXECUTION|CONFORMED)\s+(?:COPY|VERSION)\s+|(?:FORM|"
        r"COPY)\s+OF\s+|THIS\s+|THE\s+|[-,()/&\s]+)+"
    ),
    re.IGNORECASE,
)


def find_title(flat: Flat, opening: Opening) -> Found[str] | None:
    """The words after "this" in the preamble if they name a kind of agreement, else the heading above it."""
    head = flat.text[: opening.preamble.end]
    spoken = next((m for m in _SPOKEN.finditer(head, opening.cover.end) if len(m["title"].split()) > 1), None)
    if spoken is not None:
        span = Span(spoken.start("title"), spoken.end("title"))
        return Found(_tidy(flat.of(span)), span, 0.9)
    for pattern, confidence in ((_SHOUTED, 0.75), (_TITLED, 0.5)):
        for match in pattern.finditer(head[: opening.cover.end + 300]):
            dress = _DRESS.match(match.group())
            start = match.start() + (dress.end() if dress else 0)
            if start < match.end() and len(head[start : match.end()].split()) > 1:
                span = Span(start, match.end())
                return Found(_tidy(flat.of(span)), span, confidence)
    return None


def _tidy(title: str) -> str:
    return re.sub(r"\s+", " ", title).strip(" ,-")
