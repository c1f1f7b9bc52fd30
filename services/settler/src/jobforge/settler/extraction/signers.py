"""Who signs the contract: for a company, or alone."""

import re
from collections.abc import Iterator

from jobforge.settler.extraction.names import LEGAL, ends_as_company, name_at
from jobforge.settler.extraction.party import NAME_START, Party, party_of
from jobforge.settler.extraction.passage import Flat, Found, Span, phrase

_COMPANY = re.compile(rf"\b{LEGAL}\b\.?")
_SIGNED = phrase(
    r"IN WITNESS WHEREOF|SIGNATURE PAGE|executed (?:this|the) Agreement|duly authorized representatives|"
    r"hereunto set|as of the date first"
)
_BY = re.compile(r"\b(?:By|BY|Per|/s/|Signed|Signature)\b ?:?|/s/")
_PERSON = re.compile(
    r"(?:^|\n)[ \t_]*/s/ *(?P<signed>[^\n]{4,40}?)[ \t_]*\n\s*(?:Name: *)?(?P<name>(?P=signed))\s*(?:\n|$)",
    re.IGNORECASE,
)
_TITLE = phrase(
    r"(?:(?:General Counsel|President|Chief \w+ Officer|C[EFO]O|Director|Secretary|Treasurer|Manager|Chairman|Partner|"
    r"Authorized Sign\w+|ACKNOWLEDGED AND AGREED(?: TO)?|ACCEPTED(?: AND AGREED)?(?: TO)?|AGREED(?: AND "
    r"ACCEPTED)?(?: TO)?|"
    r"Date|Title|Name|Signature|first (?:above )?written(?: above)?)\b[:.,\s]*)+"
)


def companies_signing(flat: Flat) -> Iterator[Found[Party]]:
    """Companies that stand directly above a signature line."""
    signed = [match.start() for match in _SIGNED.finditer(flat.text)]
    start = signed[0] if signed else int(len(flat.text) * 0.3)
    for line in _BY.finditer(flat.text, start):
        begin = max(start, line.start() - 120, flat.original.rfind("\n\n", start, line.start() - 5))
        ends = list(_COMPANY.finditer(flat.text, begin, line.start()))
        if not ends or line.start() - ends[-1].end() > 30:
            continue
        for match in NAME_START.finditer(flat.text, begin, ends[-1].end()):
            title = _TITLE.match(flat.text, match.end())
            span = name_at(flat, title.end() if title else match.end(), ends[-1].end())
            if span is None or span.end < ends[-1].end() - 1 or not ends_as_company(flat.of(span)):
                continue
            # "By: its general partner, Y LLC" signs for the party and is none.
            if not re.search(r"\b(?:By|BY)\b:? *$", flat.text[begin : span.start]):
                yield Found(party_of(flat.of(span), ()), span, 0.5)
            break


def persons_signing(flat: Flat) -> Iterator[Found[Party]]:
    """Persons who sign for themselves: the name again below the signature, no company above it, no title below."""
    for match in _PERSON.finditer(flat.original):
        above = flat.text[max(0, match.start() - 120) : match.start()]
        below = flat.text[match.end() : match.end() + 60]
        companies = list(_COMPANY.finditer(above))
        signed = not companies or re.search(r"/s/|\b(?:Title|Its)\b", above[companies[-1].end() :])
        if signed and not re.search(r"\b(?:Title|Its)\b", below):
            span = Span(match.start("name"), match.end("name"))
            yield Found(party_of(flat.of(span), ()), span, 0.5)
