"""When the contract was made and when it takes effect."""

from datetime import date

from jobforge.settler.extraction.dates import WrittenDate, find_dates
from jobforge.settler.extraction.opening import Opening
from jobforge.settler.extraction.passage import Flat, Found, Span, phrase

_MADE = phrase(
    r"(?:(?:dated|made|entered(?: into)?|executed|concluded|signed|as|effective|agreement|"
    r"contract)[^.;]{0,40}? (?:as )?(?:of|on|this|the)|"
    r"\b(?:made|entered into|executed|concluded|signed)|\bdated(?: as| effective)?|\bmade(?: and)? effective|\bthis|"
    r"\bas of|\bdate:?)(?: (?:the|this))?[\s:,\[]*$"
)
_STRONGLY_MADE = phrase(r"(?:dated|made|entered into|executed|concluded)\b[^.;]{0,60}$")
_EFFECTIVE_BEFORE = phrase(
    r"(?:effective|effect|commenc\w+|in(?:to)? force)(?: (?:date|and commence\w*))?(?:\"|\))?[\s,:\[]*"
    r"(?:(?:of|is|means|shall (?:be|mean)|will be|deemed|to be|as|on|from|since|for|the|this|agreement|contract|date|"
    r"day|at|upon|beginning|period|term|12:0[01] a\.?m\.?|midnight|-)[\s:,\"]*){0,8}$"
    r"|\b(?:term|period|agreement|contract)\b[^.;]{0,60} (?:begin|start)(?:s|ning)?(?: (?:on|as of|from|"
    r"the)){0,2}[\s,]*$"
)
_EFFECTIVE_AFTER = phrase(
    r"^[^.;]{0,30}?\((?:the |such date,? |this )?(?:the )?\"(?:effective|commencement|start|agreement effective)\s?date"
    r"|^[\s,]*\"the (?:effective|commencement) date"
    r"|^[\s,]*\(?(?:the )?(?:hereinafter|hereafter)?[^.;()]{0,40}\"?effective date\"?"
)
_EFFECTIVE_IS_MADE = phrase(
    r"(?!effective date\"? of th)(?:effective|(?:effective|commencement) date\"?\)?|in effect|in force)(?: \w+){0,5}? "
    r"(?:(?:the )?(?:day "
    r"and )?(?:date|year|day)(?: (?:and year|first))*"
    r"(?: set forth)?(?: (?:first|last))?(?: (?:above|hereinabove))? (?:written|above|hereof|of this|first|"
    r"mentioned|set forth)|hereof|the date hereof)"
    r"|(?:effective|effect|in force) (?:up)?on (?:the )?(?:date of )?(?:its |the )?(?:full )?(?:execution|signing|"
    r"signature)\b"
    r"|(?:date|day)(?: \w+){0,4} (?:above|hereof|written)[^.;]{0,30}\((?:the )?\"(?:effective|commencement) date"
)
_EFFECTIVE_DEFINED = phrase(
    r"effective date\"? (?:shall |will )?(?:means?|be|is|refers? to)\b[^.;]{0,90}(?:\bi\.e\.,?\s*)?$"
)
# Where no other day is given, the effective date of an agreement is its own.
_HAS_EFFECTIVE_DATE = phrase(r"\beffective date\"? of (?:this|the) (?:\w+ )?(?:agreement|contract)\b")
_HEADED_EFFECTIVE = phrase(r"effective date\"?\s*:\s*$")
_NOT_THIS = phrase(
    r"\b(?:have|has|had) (?:\w+ ){0,2}entered into (?:an?|that|the) [^.;]{0,90}$|(?:amended|amendment|restated|"
    r"expir\w+|terminat\w+|until|through|filed|source:?|Act of|form 10|S-1|8-K|"
    r"10-[KQ]|original\w*|prior|previous\w*|that certain[^.;]{0,120})[^.;]{0,30}$|\bsource: .{0,100}$"
)
_SIGNATURE_DATE = phrase(r"(?:\bdate(?: signed)?\b|\bdated:|/s/[^:]{3,40}|\bas of|,)[\s:_]*$")
_SIGNED_ON = phrase(r"\bdate(?: signed)?[\s:_]*$")
_SALUTATION = phrase(r"\b(?:Dear|Gentlemen|Ladies and Gentlemen)\b")
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
    if made is not None and (said := _HAS_EFFECTIVE_DATE.search(flat.text)):
        return Found(made.value, flat.sentence_at(said.start()), 0.55)
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
        r"date)\b|\"(?:contract |agreement )?(?:term|period)\"|^\W*(?:[\d.]+\W+)?term\b"
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
    for written in find_dates(flat.text, 0, min(max(opening.cover.end, _letter_head(flat)), _HEAD)):
        before = _before(flat, written)
        told = _NOT_THIS.search(before) or _HEADED_EFFECTIVE.search(before)
        if told:
            continue
        if _MADE.search(before) or phrase(r"date[:\s]*$").search(before):
            return _found(flat, written, 0.75)
        if _stands_alone(flat, written) and _SALUTATION.search(flat.text, written.span.end, written.span.end + 1_500):
            return _found(flat, written, 0.7)
    return None


def _letter_head(flat: Flat) -> int:
    salutation = _SALUTATION.search(flat.text, 0, _HEAD)
    return salutation.start() if salutation else 0


def _stands_alone(flat: Flat, written: WrittenDate) -> bool:
    """Whether the date has a line for itself."""
    before = flat.original[max(0, written.span.start - 200) : written.span.start].rpartition("\n")[2]
    after = flat.original[written.span.end : written.span.end + 200].partition("\n")[0]
    return not before.strip() and not after.strip()


def _at_witness(flat: Flat, opening: Opening) -> Found[date] | None:
    for witness in _WITNESS.finditer(flat.text, opening.preamble.end):
        for written in find_dates(flat.text, witness.start(), witness.start() + 500):
            before = _before(flat, written)
            if _MADE.search(before) and not _SIGNED_ON.search(before):
                return _found(flat, written, 0.75)
    return None


def _at_signatures(flat: Flat, opening: Opening) -> Found[date] | None:
    starts = [witness.start() for witness in _WITNESS.finditer(flat.text, opening.preamble.end)]
    for start in [*starts, int(len(flat.text) * 0.8)]:
        signed = [d for d in find_dates(flat.text, start, start + 3_000) if _SIGNATURE_DATE.search(_before(flat, d))]
        signed = [d for d in signed if not _NOT_THIS.search(_before(flat, d))]
        if signed:
            return _found(flat, max(signed, key=lambda d: d.value), 0.6)
    return None


def _before(flat: Flat, written: WrittenDate) -> str:
    return flat.text[max(0, written.span.start - 110) : written.span.start]


def _found(flat: Flat, written: WrittenDate, confidence: float) -> Found[date]:
    sentence = flat.sentence_at(written.span.start)
    start, end = max(sentence.start, written.span.start - 200), min(sentence.end, written.span.end + 100)
    return Found(written.value, Span(start, max(end, written.span.end)), confidence)
