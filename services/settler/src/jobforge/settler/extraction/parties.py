"""Who concludes the contract, and as what."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jobforge.settler.extraction.names import LEGAL, ends_as_company, name_at, name_words
from jobforge.settler.extraction.opening import Opening
from jobforge.settler.extraction.passage import Flat, Found, Span, phrase

_DEFINED = phrase(
    r'\([^()"]{0,120}"[^"()]{1,80}"[^()]{0,200}(?:\([^()]*\)[^()]{0,100})?\)'
    r'|(?:herein(?:after)?|hereafter|referred to)[^"().;]{0,70}"[^"]{1,60}"(?:(?:,? (?:or|and)|,) (?:the '
    r')?"[^"]{1,60}")*'
    r"|\((?:the )?[A-Z][A-Z0-9&.-]{1,14}\)(?!,?\s*(?:[A-Z]\w* )?(?:Inc|Ltd|LLC|Corp|Limited|L\.|Master))"
    r"|\((?:herein(?:after)?|the|each,? an?) [^()]{3,90}\)"
)
_TERM = re.compile(r'"(?:the |The |each,? an? )?([^"]{1,60}?)[,. ]*"')
_GENERIC = re.compile(
    r"^(?:(?:the|this)\s+)?(?:part(?:y|ies)|agreement|effective\s+date|contract|commencement\s+date|"
    r"signing\s+date|execution\s+date|"
    r"closing\s+date|term|license|lease|amendment|date|closing|JSMA|act|affiliates?|original agreement)$",
    re.IGNORECASE,
)
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
_COMPANY = re.compile(rf"\b{LEGAL}\b\.?")
_SIGNED = phrase(
    r"IN WITNESS WHEREOF|SIGNATURE PAGE|executed (?:this|the) Agreement|duly authorized representatives|"
    r"hereunto set|as of the date first"
)
_SENTENCE_END = re.compile(r"^ *[\"')]*\.|(?<=[a-z0-9)\"])\.[\"')]* +[A-Z]")
_BY = re.compile(r"\b(?:By|BY|Per|/s/|Signed|Signature)\b ?:?|/s/")
_PERSON = re.compile(
    r"(?:^|\n)[ \t_]*/s/ *(?P<signed>[^\n]{4,40}?)[ \t_]*\n\s*(?:Name: *)?(?P<name>(?P=signed))\s*(?:\n|$)",
    re.IGNORECASE,
)
_NAME_START = re.compile(r"(?<![^\s.,;:)(_-])(?=[A-ZÀ-Þ0-9])(?<! [A-ZÀ-Þ] )")
_TITLE = phrase(
    r"(?:(?:General Counsel|President|Chief \w+ Officer|C[EFO]O|Director|Secretary|Treasurer|Manager|Chairman|Partner|"
    r"Authorized Sign\w+|ACKNOWLEDGED AND AGREED(?: TO)?|ACCEPTED(?: AND AGREED)?(?: TO)?|AGREED(?: AND "
    r"ACCEPTED)?(?: TO)?|"
    r"Date|Title|Name|Signature|first (?:above )?written(?: above)?)\b[:.,\s]*)+"
)
_FUNCTION = re.compile(
    r"(?:er|or|ee|ent|ant|ist|ian|ry|any|ary|ser|tor|ier|ner|der|ower|user|vendor|bank|fund|trust|sponsor)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Party:
    """A name as the contract spells it, the role it is given, and every term that stands for it."""

    name: str
    role: str | None
    defined_as: tuple[str, ...]


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
        found = _distinct([*found, *_signing(flat), *_signing_alone(flat)])
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
    for definition in _DEFINED.finditer(flat.text, start, end):
        terms = _terms(definition.group())
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
            _party(name, mine), Span(span.start, end if mine else span.end), 0.92 if anchored and terms else 0.7
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
    for definition in _DEFINED.finditer(flat.text, 0, opening.preamble.end + 4_000):
        terms = _terms(definition.group())
        if not terms:
            continue
        begin = max(position, definition.start() - 350)
        for start in _NAME_START.finditer(flat.text, begin, definition.start()):
            span = name_at(flat, start.end(), definition.start())
            if (
                span is None
                or not ends_as_company(flat.of(span))
                or _NO_OTHER_PARTY.search(flat.text, begin, span.start)
            ):
                continue
            yield Found(_party(flat.of(span), terms), Span(span.start, definition.end()), 0.6)
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
            yield Found(_party(flat.of(span), ()), span, 0.55)


def _signing(flat: Flat) -> Iterator[Found[Party]]:
    """Companies that stand directly above a signature line."""
    signed = [match.start() for match in _SIGNED.finditer(flat.text)]
    start = signed[0] if signed else int(len(flat.text) * 0.3)
    for line in _BY.finditer(flat.text, start):
        begin = max(start, line.start() - 120, flat.original.rfind("\n\n", start, line.start() - 5))
        ends = list(_COMPANY.finditer(flat.text, begin, line.start()))
        if not ends or line.start() - ends[-1].end() > 30:
            continue
        for match in _NAME_START.finditer(flat.text, begin, ends[-1].end()):
            title = _TITLE.match(flat.text, match.end())
            span = name_at(flat, title.end() if title else match.end(), ends[-1].end())
            if span is None or span.end < ends[-1].end() - 1 or not ends_as_company(flat.of(span)):
                continue
            # "By: its general partner, Y LLC" signs for the party and is none.
            if not re.search(r"\b(?:By|BY)\b:? *$", flat.text[begin : span.start]):
                yield Found(_party(flat.of(span), ()), span, 0.5)
            break


def _signing_alone(flat: Flat) -> Iterator[Found[Party]]:
    """Persons who sign for themselves: the name again below the signature, no company above it, no title below."""
    for match in _PERSON.finditer(flat.original):
        above = flat.text[max(0, match.start() - 120) : match.start()]
        below = flat.text[match.end() : match.end() + 60]
        companies = list(_COMPANY.finditer(above))
        signed = not companies or re.search(r"/s/|\b(?:Title|Its)\b", above[companies[-1].end() :])
        if signed and not re.search(r"\b(?:Title|Its)\b", below):
            span = Span(match.start("name"), match.end("name"))
            yield Found(_party(flat.of(span), ()), span, 0.5)


def _terms(definition: str) -> tuple[str, ...]:
    quoted = [re.sub(r"\s+", " ", term).strip() for term in _TERM.findall(definition)]
    if not quoted and (short := re.fullmatch(r"\((?:the\s+)?([A-Z][A-Z0-9&.-]{1,14})\)", definition)):
        quoted = [short.group(1)]
    return tuple(term for term in quoted if term and not _GENERIC.match(term))


def _party(name: str, terms: tuple[str, ...]) -> Party:
    words = name_words(name)
    initials = "".join(word[0] for word in re.findall(r"[A-Za-z]+", name)).lower()
    functions = [t for t in terms if not name_words(t) & words and t.lower() not in initials and _FUNCTION.search(t)]
    role = functions[0] if functions else terms[0] if terms else None
    return Party(name=re.sub(r"\s+", " ", name), role=role, defined_as=terms)


def _distinct(found: Iterable[Found[Party]]) -> list[Found[Party]]:
    kept: list[Found[Party]] = []
    for each in found:
        words = name_words(each.value.name)
        if all(words != name_words(other.value.name) for other in kept):
            kept.append(each)
    return kept
