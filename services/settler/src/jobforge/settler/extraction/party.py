"""A party of a contract, and the terms that stand for it."""

import re
from dataclasses import dataclass

from jobforge.settler.extraction.names import name_words
from jobforge.settler.extraction.passage import phrase

DEFINED = phrase(
    r'\([^()"]{0,120}"[^"()]{1,80}"[^()]{0,200}(?:\([^()]*\)[^()]{0,100})?\)'
    r'|(?:herein(?:after)?|hereafter|referred to)[^"().;]{0,70}"[^"]{1,60}"(?:(?:,? (?:or|and)|,) (?:the '
    r')?"[^"]{1,60}")*'
    r"|\((?:the )?[A-Z][A-Z0-9&.-]{1,14}\)(?!,?\s*(?:[A-Z]\w* )?(?:Inc|Ltd|LLC|Corp|Limited|L\.|Master))"
    r"|\((?:herein(?:after)?|the|each,? an?) [^()]{3,90}\)"
)
"""Where a contract says by which terms somebody goes from there on."""
NAME_START = re.compile(r"(?<![^\s.,;:)(_-])(?=[A-ZÀ-Þ0-9])(?<! [A-ZÀ-Þ] )")
"""Where a name may begin."""
_TERM = re.compile(r'"(?:the |The |each,? an? )?([^"]{1,60}?)[,. ]*"')
_GENERIC = re.compile(
    r"^(?:(?:the|this)\s+)?(?:part(?:y|ies)|agreement|effective\s+date|contract|commencement\s+date|"
    r"signing\s+date|execution\s+date|"
    r"closing\s+date|term|license|lease|amendment|date|closing|JSMA|act|affiliates?|original agreement)$",
    re.IGNORECASE,
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


def terms_of(definition: str) -> tuple[str, ...]:
    """The terms that such a definition gives."""
    quoted = [re.sub(r"\s+", " ", term).strip() for term in _TERM.findall(definition)]
    if not quoted and (short := re.fullmatch(r"\((?:the\s+)?([A-Z][A-Z0-9&.-]{1,14})\)", definition)):
        quoted = [short.group(1)]
    return tuple(term for term in quoted if term and not _GENERIC.match(term))


def party_of(name: str, terms: tuple[str, ...]) -> Party:
    """Somebody of that name; of the terms, one that tells a function is the role."""
    words = name_words(name)
    initials = "".join(word[0] for word in re.findall(r"[A-Za-z]+", name)).lower()
    functions = [t for t in terms if not name_words(t) & words and t.lower() not in initials and _FUNCTION.search(t)]
    role = functions[0] if functions else terms[0] if terms else None
    return Party(name=re.sub(r"\s+", " ", name), role=role, defined_as=terms)
