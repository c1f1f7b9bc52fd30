"""How long the contract runs, and when its first term ends."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from jobforge.settler.extraction.dates import add_months, find_dates
from jobforge.settler.extraction.durations import Duration, find_durations
from jobforge.settler.extraction.numerals import ORDINALS
from jobforge.settler.extraction.passage import Flat, Found, Span, phrase
from jobforge.settler.extraction.renewal import RENEWS

_OWN_TERM = phrase(
    r"\b(?:initial|original|primary|base) (?:\w+ )?(?:term|period)\b|\bterm hereof\b|\bterm (?:of|for|under) (?:this|"
    r"the) "
    r"[\w-]*\s?(?:agreement|contract|JSMA|license|lease|services)|\"(?:initial |contract |agreement )?(?:term|"
    r"period)\"|"
    r"\bthis (?:[\w-]+ ){0,3}(?:agreement|contract|license|JSMA)(?:'s term)?,? (?:[^.;]{0,90}? )?(?:shall|"
    r"will|is|becomes?|commences?|remains?|continues?|expires?|terminates?|commences?|(?:is )?valid)\b"
    r"|\b(?:the|its) (?:license |contract )?term (?:shall|will|is|commences|begins)|\bterm(?: and "
    r"termination)?\s*[.:-]+|"
    r"\b(?:agreement|contract) (?:shall|will) (?:commence|begin|remain|continue|be (?:in effect|effective|for))"
)
_RUNS = phrase(
    r"\b(?:term|valid|remain|continu\w+|in (?:full )?(?:force|effect)|effective|commenc\w+|begin\w*|start\w*|"
    r"expir\w+|terminat\w+|period|anniversary|duration|run|ends?)\b"
)
_NOT_OWN = phrase(
    r"confidential|non-?disclosure|surviv|warrant(?:y|ies|s) (?:period|term)|non-?compet|after (?:the "
    r")?(?:expiration|termination)|following (?:the )?(?:expiration|termination)|thereafter for|"
    r"insurance|invoice|breach|cure|default|audit|records|sell-?off|non-?solicit|indemnif|force majeure|"
    r"patent|copyright|statute|bankrupt|insolven|escrow|"
    r"\bfail|for (?:the )?purposes? of|during the term[^.;]{0,40} and for|insur|purchase order|lock-?up|"
    r"option to|^\W*(?:[\w.()]{1,6} )?during the |\blapse\b|notwithstanding "
    r"(?:the )?(?:expir|termin)"
)
_BEYOND = phrase(
    r"\b(?:during|throughout) (?:the|its) (?:\w+ )?term\b[^.;]{0,80} (?:and|or) (?:for|"
    r"thereafter|continuing)|\bshall survive\b"
)
_UNTIL = phrase(
    r"\b(?:until|through|ending|ends?|conclud\w+|expir\w+|terminat\w+|to|and including)\b(?:[\s,]*(?:midnight|and "
    r"including|on|at|of|the|date|close of business|as|and|through|11:59 p\.?m\.?|5:00 p\.?m\.?|no later "
    r"than)\b\.?){0,5}[\s,]*$"
)
_ENDLESS = phrase(
    r"\b(?:in perpetuity|perpetual(?:ly)?|indefinite(?:ly)?|no (?:fixed|definite) term|continu\w* (?:in "
    r"(?:full )?(?:force|effect) )?(?:and effect )?(?:until|unless)(?: and until)?[^.;]{0,80} (?:terminat|"
    r"cancel)\w*|"
    r"(?:remain|continue|be)\w* (?:in|effective)[^.;]{0,40} (?:until|unless)(?: and until)?(?: \w+){0,8}? "
    r"(?:terminat|cancel)\w*|until terminat\w+|(?:so|as) long as|for the (?:duration|life) of)"
)
_ANNIVERSARY = phrase(
    r"\b(?P<nth>\w+)(?: \(\s*(?P<digits>\d+)[a-z ]{0,4}\))?(?:\s?(?:st|nd|rd|th))? (?:year )?anniversary\b"
)
_NTH = ORDINALS[:15]
_OTHER_START = phrase(
    r"\b(?:from|after|following|of|on) (?:the )?(?:\w+ )?(?:launch|closing|delivery|installation|acceptance|"
    r"opening|first commercial|"
    r"completion|approval|commercial operation\w*|in-service|grand opening)\b"
)
_LONGEST_TERM = 99 * 12


@dataclass(frozen=True, slots=True)
class Term:
    """When the first term ends, or that it has no end."""

    expires: Found[date] | None
    perpetual: Found[bool] | None


def find_term(flat: Flat, begins: date | None) -> Term:
    """The end of the first term: a date that is given, or counted from ``begins``."""
    candidates: list[tuple[float, Found[date] | None, Found[bool] | None]] = []
    for span in _term_sentences(flat):
        weight = _weight(flat, span)
        end = _given_end(flat, span) or (_counted_end(flat, span, begins) if begins else None)
        if end is not None:
            candidates.append((weight + end.confidence, end, None))
        elif (endless := _ENDLESS.search(flat.of(span))) and not RENEWS.search(flat.of(span)):
            at = Span(span.start, span.end)
            candidates.append((weight + 0.5, None, Found(bool(endless), at, min(0.9, 0.5 + weight / 4))))
    best = max(candidates, key=lambda each: each[0], default=(0.0, None, None))
    return Term(expires=best[1], perpetual=best[2]) if best[0] >= 1.0 else Term(None, None)


def _term_sentences(flat: Flat) -> Iterator[Span]:
    for number, span in enumerate(flat.sentences):
        text = flat.of(span)
        heading = flat.of(flat.sentences[number - 1]) if number else ""
        headed = len(heading) < 60 and phrase(r"\b(?:term|duration)\b").search(heading)
        if (_OWN_TERM.search(text) or headed) and _RUNS.search(text) and not _BEYOND.search(text):
            yield span


def _weight(flat: Flat, span: Span) -> float:
    text = flat.of(span)
    weight = 0.5
    weight += 0.6 * bool(
        phrase(
            r"\b(?:initial|original|primary) (?:\w+ )?(?:term|period)|term of (?:this|the) "
            r"[\w-]*\s?(?:agreement|contract)|\"term\"|the term (?:shall|will|is)"
        ).search(text)
    )
    weight += 0.5 * bool(
        phrase(
            r"\b(?:commenc\w+|begin\w*|start\w*|effective)\b[^;]{0,220}\b(?:continu\w+|remain|until|expir\w+|"
            r"end\w*|terminat\w+|for|period|anniversary)\b"
        ).search(text)
    )
    weight += 0.3 * bool(phrase(r"^\W*(?:\(?[\divxa-z.]{1,6}\)?\.? )*(?:initial )?(?:term|duration)\b").search(text))
    before = flat.text[max(0, span.start - 60) : span.start]
    weight += 0.3 * bool(phrase(r"\b(?:term|duration)\b").search(before))
    return weight - 0.9 * bool(_NOT_OWN.search(text))


def _given_end(flat: Flat, span: Span) -> Found[date] | None:
    for written in find_dates(flat.text, span.start, span.end):
        before = flat.text[max(span.start, written.span.start - 90) : written.span.start]
        if _UNTIL.search(before):
            return Found(written.value, span, 0.9)
    return None


def _counted_end(flat: Flat, span: Span, begins: date) -> Found[date] | None:
    text = flat.of(span)
    stop = min((m.start() for m in [RENEWS.search(text)] if m), default=len(text))
    months = _anniversary(text[:stop])
    length = next((d for d in find_durations(text) if d.start < max(stop, 1) and _is_length(text, d)), None)
    months = months if months is not None else length.months if length else None
    if _OTHER_START.search(text):
        return None
    if months is None and length is None:
        return None
    starts = [
        d
        for d in find_dates(flat.text, span.start, span.end)
        if phrase(r"(?:commenc\w+|begin\w*|start\w*|effective|from)\b[^.;]{0,40}$").search(
            flat.text[max(span.start, d.span.start - 60) : d.span.start]
        )
    ]
    start = starts[0].value if starts else begins
    if months is not None and 0 < months <= _LONGEST_TERM:
        return Found(add_months(start, months), span, 0.75)
    if length is not None and length.unit in ("day", "week"):
        return Found(date.fromordinal(start.toordinal() + length.days), span, 0.6)
    return None


def _is_length(text: str, length: Duration) -> bool:
    """Whether a duration is the term itself and no notice, cure or reporting period."""
    after, before = text[length.end : length.end + 40], text[max(0, length.start - 70) : length.start]
    if phrase(r"^['s]*\)?[\s,]*(?:prior|advance|written|notice|before|after (?:notice|receipt|written))").search(after):
        return False
    return bool(
        phrase(
            r"\b(?:term|period|for|continu\w+|of|be|is|least|lasting|duration|until|than|expir\w+|the|a|an|"
            r"effect)\b[\s(:]*$"
        ).search(before)
        or phrase(r"^['s]*\)?[\s,]*(?:term|period|from|after|following|thereafter|commencing|beginning|unless)").search(
            after
        )
    )


def _anniversary(text: str) -> int | None:
    match = _ANNIVERSARY.search(text)
    if match is None:
        return None
    if match["digits"] or match["nth"].isdigit():
        return 12 * int(match["digits"] or match["nth"])
    if suffixed := re.fullmatch(r"(\d+)(?:st|nd|rd|th)", match["nth"]):
        return 12 * int(suffixed[1])
    return 12 * (_NTH.index(match["nth"].lower()) + 1) if match["nth"].lower() in _NTH else None
