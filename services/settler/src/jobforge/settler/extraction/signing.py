"""When the contract was made and when it takes effect."""

from datetime import date

from jobforge.settler.extraction.dates import WrittenDate, find_dates
from jobforge.settler.extraction.opening import Opening
from jobforge.settler.extraction.passage import Flat, Found, Span, phrase

_MADE = phrase(
    r"(?:(?:dated|made|entered(?: into)?|executed|concluded|signed|as|effective|agreement|"
    r"contract)[^.;]{0,40}? (?:as )?(?:of|on|this|the)|"
    r"\bdated(?: as| effective)?|\bmade(?: and)? effective|\bthis|\bas of|\bdate:?)(?: (?:the|this))?[\s:,\[]*$"
)
_STRONGLY_MADE = phrase(r"(?:dated|made|entered into|executed|concluded)\b[^.;]{0,60}$")
_EFFECTIVE_BEFORE = phrase(
    r"(?:effective|effect|commenc\w+|in force)(?: (?:date|and commence\w*))?(?:\"|\))?[\s,:\[]*"
    r"(?:(?:of|is|means|shall (?:be|mean)|will be|as|on|from|since|of|the|this|date|day|at|upon|beginning|period|"
    r"term|-)[\s:,]*){0,6}$"
)
_EFFECTIVE_AFTER = phrase(
    r"^[^.;]{0,30}?\((?:the |such date,? |this )?(?:the )?\"(?:effective|commencement|start|agreement effective)\s?date"
    r"|^[\s,]*\"the (?:effective|commencement) date"
    r"|^[\s,]*\(?(?:the )?(?:hereinafter|hereafter)?[^.;()]{0,40}\"?effective date\"?"
)
_EFFECTIVE_IS_MADE = phrase(
    r"(?:effective|(?:effective|commencement) date\"?\)?|in effect|in force)(?: \w+){0,5}? (?:(?:the )?(?:day "
    r"and )?(?:date|year|day)(?: (?:and year|first))*"
    r"(?: set forth)?(?: (?:first|last))?(?: (?:above|hereinabove))? (?:written|above|hereof|of this|first|"
    r"mentioned|set forth)|hereof|the date hereof)"
    r"|(?:date|day)(?: \w+){0,4} (?:above|hereof|written)[^.;]{0,30}\((?:the )?\"(?:effective|commencement) date"
)
_EFFECTIVE_DEFINED = phrase(
    r"effective date\"? (?:shall |will )?(?:means?|be|is|refers? to)\b[^.;]{0,90}(?:\bi\.e\.,?\s*)?$"
)
_HEADED_EFFECTIVE = phrase(r"effective date\"?\s*:\s*$")
_NOT_THIS = phrase(
    r"(?:amended|amendment|restated|expir\w+|terminat\w+|until|through|filed|source:?|Act of|form 10|S-1|8-K|"
    r"10-[KQ]|original\w*|prior|previous\w*|that certain[^.;]{0,120})[^.;]{0,30}$|\bsource: .{0,100}$"
)
_SIGNATURE_DATE = phrase(r"(?:\bdate(?: signed)?\b|\bdated:|/s/[^:]{3,40}|\bas of|,)[\s:_]*$")
_WITNESS = phrase(
    r"IN WITNESS (?:WHEREOF|HEREOF|OF)|executed (?:this|the) Agreement|SIGNED (?:by|on|for)|duly executed"
)
_HEAD = 2_500


def find_agreement_date(flat: Flat, opening: Opening) -> Found[date] | None:
    """The date in the preamble; else on the cover; else at the signatures, where the last to sign makes it."""
    tiers = (_in_preamble, _on_cover, _at_witness, _at_signatures)
    return next((found for tier in tiers if (found := tier(flat, opening)) is not None), None)


def find_effective_date(flat: Flat, opening: Opening, made: Found[date] | None) -> Found[date] | None:
    """The date that the text calls effective; the agreement's own where it says that they are one."""
    ends = opening.preamble.end
    for written in find_dates(flat.text, 0, ends):
        if (confidence := _effective(flat, written)) and not _NOT_THIS.search(_before(flat, written)):
            return _found(flat, written, confidence)
    if made is not None and (said := _EFFECTIVE_IS_MADE.search(flat.text)):
        return Found(made.value, flat.sentence_at(said.start()), 0.75)
    for written in find_dates(flat.text, ends):
        before = _before(flat, written)
        if _calls_effective(flat, written) and not _NOT_THIS.search(before):
            return _found(flat, written, 0.7)
    return None


def _effective(flat: Flat, written: WrittenDate) -> float:
    if _EFFECTIVE_AFTER.search(flat.text[written.span.end : written.span.end + 90]):
        return 0.95
    return 0.85 if _EFFECTIVE_BEFORE.search(_before(flat, written)) else 0.0


def _calls_effective(flat: Flat, written: WrittenDate) -> bool:
    sentence = flat.sentence_at(written.span.start)
    around = flat.text[max(sentence.start, written.span.start - 200) : written.span.end + 60]
    ours = phrase(
        r"\b(?:this (?:agreement|contract)|term of (?:this|the)|effective date|initial term|commencement "
        r"date)\b|\"(?:contract |agreement )?(?:term|period)\""
    ).search(around)
    if _EFFECTIVE_DEFINED.search(around[: around.index(flat.of(written.span))]):
        return True
    return bool(
        ours
        and (
            _EFFECTIVE_BEFORE.search(_before(flat, written))
            or _EFFECTIVE_AFTER.search(flat.text[written.span.end : written.span.end + 60])
        )
    )


def _in_preamble(flat: Flat, opening: Opening) -> Found[date] | None:
    dates = [
        d
        for d in find_dates(flat.text, opening.preamble.start, opening.preamble.end)
        if not _NOT_THIS.search(_before(flat, d))
    ]
    made = [d for d in dates if _MADE.search(_before(flat, d)) and not _HEADED_EFFECTIVE.search(_before(flat, d))]
    strong = [d for d in made if _STRONGLY_MADE.search(_before(flat, d))]
    merely_effective = [d for d in made if _EFFECTIVE_BEFORE.search(_before(flat, d))]
    best = next(iter([*strong, *(d for d in made if d not in merely_effective), *merely_effective]), None)
    return _found(flat, best, 0.95 if best in strong else 0.85) if best else None


def _on_cover(flat: Flat, opening: Opening) -> Found[date] | None:
    for written in find_dates(flat.text, 0, min(opening.cover.end, _HEAD)):
        before = _before(flat, written)
        told = _NOT_THIS.search(before) or _HEADED_EFFECTIVE.search(before)
        if not told and (_MADE.search(before) or phrase(r"date[:\s]*$").search(before)):
            return _found(flat, written, 0.75)
    return None


def _at_witness(flat: Flat, opening: Opening) -> Found[date] | None:
    for witness in _WITNESS.finditer(flat.text, opening.preamble.end):
        for written in find_dates(flat.text, witness.start(), witness.start() + 500):
            if _MADE.search(_before(flat, written)):
                return _found(flat, written, 0.75)
    return None


def _at_signatures(flat: Flat, opening: Opening) -> Found[date] | None:
    witness = _WITNESS.search(flat.text, opening.preamble.end)
    start = witness.start() if witness else int(len(flat.text) * 0.8)
    signed = [d for d in find_dates(flat.text, start, start + 3_000) if _SIGNATURE_DATE.search(_before(flat, d))]
    signed = [d for d in signed if not _NOT_THIS.search(_before(flat, d))]
    return _found(flat, max(signed, key=lambda d: d.value), 0.6) if signed else None


def _before(flat: Flat, written: WrittenDate) -> str:
    return flat.text[max(0, written.span.start - 110) : written.span.start]


def _found(flat: Flat, written: WrittenDate, confidence: float) -> Found[date]:
    sentence = flat.sentence_at(written.span.start)
    start, end = max(sentence.start, written.span.start - 200), min(sentence.end, written.span.end + 100)
    return Found(written.value, Span(start, max(end, written.span.end)), confidence)
