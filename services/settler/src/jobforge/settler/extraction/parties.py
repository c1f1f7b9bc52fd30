"""Who concludes the contract, and as what."""

import re
from collections.abc import Iterable, Iterator

from jobforge.settler.extraction.names import ends_as_company, name_at, name_words
from jobforge.settler.extraction.opening import Opening
from jobforge.settler.extraction.party import DEFINED, NAME_START, Party, party_of, terms_of
from jobforge.settler.extraction.passage import Flat, Found, Span, phrase
from jobforge.settler.extraction.signers import companies_signing, persons_signing

_BETWEEN = phrase(
    r"\b(?:by and (?:between|among(?:st)?)|between|among(?:st)?)\b(?: the (?:following|undersigned)(?: parties)?)?:?"
    r"|\bthe parties\s*:"
)
_ROLE_LABEL = re.compile(
    r"(?:^|\n) *(?P<role>(?:Licen[sc]|Franchis|Less|Grant|Ven?d|Suppl|Buy|Sell|Custom|Client|Company|Contract|Consult|"
    r"Distribut|Resell|Manufactur|Sponsor|Provid|Agent|Purchas|Own|Operat|Shipp|Transport|Market|Develop)[a-z]*)"
    r"(?: Name)? *: *",
    re.IGNORECASE,
)
_BY_SOMEBODY = phrase(r"\b(?:made|entered into|executed|granted|delivered)\b[^.;]{0,90}?\bby\b")
_LABEL = phrase(r"\b(?P<role>Party [A-D1-4]|First Party|Second Party)\s*(?:\([^)]{0,40}\))?\s*:")
_NO_OTHER_PARTY = phrase(
    r"(?:laws of|partner|subsidiary of|division of|affiliate of|behalf of|member of|through|known as|f/k/a|d/b/a|t/a|"
    r"offices? (?:at|of|located)|located (?:at|in)|by its|manager|care of|c/o|as |successor (?:to|of)|agent "
    r"(?:for|of)|owned by)[^,]{0,30}$"
)
_SENTENCE_END = re.compile(r"^ *[\"')]*\.|(?<=[a-z0-9)\"])\.[\"')]* +[A-Z]")


def find_parties(flat: Flat, opening: Opening) -> list[Found[Party]]:
    """The parties in the text's order; from the signatures only if the opening names fewer than two."""
    return sorted(_found(flat, opening), key=lambda found: found.span.start)


def _found(flat: Flat, opening: Opening) -> list[Found[Party]]:
    found = _distinct(_labelled(flat, opening))
    if len(found) > 1:
        return found
    preamble = (flat.text, opening.preamble.start, opening.preamble.end)
    anchor = _BETWEEN.search(*preamble) or _BY_SOMEBODY.search(*preamble)
    start = anchor.end() if anchor else opening.preamble.start
    found = _distinct(_named(flat, start, opening.preamble.end, anchored=anchor is not None))
    if len(found) < 2:
        found = _distinct([*found, *_introduced(flat, opening)])
    if len(found) < 2:
        found = _distinct([*found, *_on_the_cover(flat, opening)])
    if len(found) < 2:
        found = _distinct([*found, *companies_signing(flat), *persons_signing(flat)])
    return found


def _labelled(flat: Flat, opening: Opening) -> Iterator[Found[Party]]:
    """`Party A: X Co., Ltd.`, as forms and contracts from China begin."""
    for label in _LABEL.finditer(flat.text, 0, opening.preamble.end + 2_000):
        span = name_at(flat, label.end(), label.end() + 150)
        if span is not None and span.start - label.end() < 5:
            role = label["role"].strip()
            yield Found(Party(name=" ".join(flat.of(span).split()), role=role, defined_as=(role,)), span, 0.8)
    for label in _ROLE_LABEL.finditer(flat.original, 0, opening.preamble.end + 2_000):
        span = name_at(flat, label.end(), label.end() + 150)
        if span is not None and span.start - label.end() < 5 and ends_as_company(flat.of(span)):
            role = label["role"].title()
            yield Found(Party(name=" ".join(flat.of(span).split()), role=role, defined_as=(role,)), span, 0.7)


def _named(flat: Flat, start: int, end: int, *, anchored: bool) -> Iterator[Found[Party]]:
    """One chunk of text a defined term; each begins with the name that the term stands for."""
    position, named = start, 0
    for definition in DEFINED.finditer(flat.text, start, end):
        terms = terms_of(definition.group())
        if definition.start() < position:
            continue
        if named >= 2 and _SENTENCE_END.search(flat.text, position, definition.start()):
            return
        if terms:
            named += 1
            yield from _in_chunk(flat, position, definition.start(), terms, anchored)
            position = definition.end()
        elif re.search(r'"[^"]*part(?:y|ies)[^"]*"', definition.group(), re.IGNORECASE):
            yield from _in_chunk(flat, position, definition.start(), (), anchored)
            position = definition.end()
        elif not anchored:
            position = definition.end()
    if named < 2:
        yield from _in_chunk(flat, position, end, (), anchored)


def _in_chunk(flat: Flat, start: int, end: int, terms: tuple[str, ...], anchored: bool) -> Iterator[Found[Party]]:
    first = name_at(flat, start, end)
    others = list(_companies(flat, first.end if first else start, end))
    spans = [first, *others] if first else others
    if not spans and terms and (last := _after_last_and(flat, start, end)):
        spans = [last]
    for number, span in enumerate(spans):
        name = flat.of(span)
        mine = terms if span is spans[-1] or number == 0 else ()
        if not terms and not ends_as_company(name):
            continue
        if number == 0 and first is None and not terms:
            continue
        yield Found(
            party_of(name, mine), Span(span.start, end if mine else span.end), 0.92 if anchored and terms else 0.7
        )


def _after_last_and(flat: Flat, start: int, end: int) -> Span | None:
    """Somebody who is named last: `, a division of X, Inc., and Y ("Athlete")`."""
    joints = list(re.finditer(r"\b(?:and|AND)\b *", flat.text[start:end]))
    span = name_at(flat, start + joints[-1].end(), end) if joints else None
    return span if span is not None and end - span.end < 80 else None


def _companies(flat: Flat, start: int, end: int) -> Iterator[Span]:
    """Further companies of a chunk, each after "and" or a comma and closed by a legal form."""
    position = start
    for joint in re.finditer(r"(?:\band\b|\bAND\b|;|,(?= *\n))[ ,]*", flat.text[start:end]):
        at = start + joint.end()
        if at < position or _NO_OTHER_PARTY.search(flat.text, start, start + joint.start()):
            continue
        span = name_at(flat, at, end)
        if span is not None and span.start - at < 8 and ends_as_company(flat.of(span)):
            position = span.end
            yield span


def _introduced(flat: Flat, opening: Opening) -> Iterator[Found[Party]]:
    """Companies anywhere in the opening that are given a term soon after: `X, Inc., hereinafter "Buyer"`."""
    position = 0
    for definition in DEFINED.finditer(flat.text, 0, opening.preamble.end + 4_000):
        terms = terms_of(definition.group())
        if not terms:
            continue
        begin = max(position, definition.start() - 350)
        for start in NAME_START.finditer(flat.text, begin, definition.start()):
            span = name_at(flat, start.end(), definition.start())
            if (
                span is None
                or not ends_as_company(flat.of(span))
                or _NO_OTHER_PARTY.search(flat.text, begin, span.start)
            ):
                continue
            yield Found(party_of(flat.of(span), terms), Span(span.start, definition.end()), 0.6)
            break
        position = definition.end()


def _on_the_cover(flat: Flat, opening: Opening) -> Iterator[Found[Party]]:
    anchor = _BETWEEN.search(flat.text, 0, opening.cover.end)
    if anchor is None:
        return
    for span in (
        name_at(flat, anchor.end(), opening.cover.end),
        *_companies(flat, anchor.end(), anchor.end() + 300),
    ):
        if span is not None and ends_as_company(flat.of(span)):
            yield Found(party_of(flat.of(span), ()), span, 0.55)


def _distinct(found: Iterable[Found[Party]]) -> list[Found[Party]]:
    kept: list[Found[Party]] = []
    for each in found:
        words = name_words(each.value.name)
        if all(words != name_words(other.value.name) for other in kept):
            kept.append(each)
    return kept
