"""Which kinds of clause the contract has, each with the passages that show it."""

from dataclasses import dataclass

from jobforge.settler.extraction.clause_rule import Rule
from jobforge.settler.extraction.commitment_rules import COMMITMENTS
from jobforge.settler.extraction.passage import Flat, Span, phrase
from jobforge.settler.extraction.restriction_rules import RESTRICTIONS

RULES = (*RESTRICTIONS, *COMMITMENTS)
_QUOTED = 300


@dataclass(frozen=True, slots=True)
class Clause:
    """A kind of clause; ``passages`` is empty where the contract has none, ``confidence`` is that of the answer."""

    name: str
    label: str
    passages: tuple[Span, ...]
    confidence: float

    @property
    def present(self) -> bool:
        """Whether the contract has such a clause."""
        return bool(self.passages)


def find_clauses(flat: Flat, *, passages: int) -> tuple[Clause, ...]:
    """One answer a kind, in the order of the rules, with at most so many passages; fewer passages cost less."""
    sentences = [(sentence, flat.of(sentence).lower()) for sentence in flat.sentences]
    return tuple(_clause(flat, rule, sentences, passages) for rule in RULES)


def _clause(flat: Flat, rule: Rule, sentences: list[tuple[Span, str]], passages: int) -> Clause:
    unless = phrase(rule.unless) if rule.unless else None
    patterns = [phrase(pattern) for pattern in rule.says]
    found: list[Span] = []
    ways = set()
    for sentence, lowered in sentences:
        if not any(word in lowered for word in rule.mentions):
            continue
        text = flat.of(sentence)
        hits = [(way, match) for way, pattern in enumerate(patterns) if (match := pattern.search(text))]
        if not hits or (unless is not None and unless.search(text, 0, _proviso(text, hits[0][1].end()))):
            continue
        ways |= {way for way, _ in hits}
        found.append(_quoted(sentence, hits[0][1].start(), hits[0][1].end()))
        if len(found) >= passages:
            break
    confidence = 0.7 if not found else min(0.95, 0.6 + 0.08 * len(found) + 0.06 * len(ways))
    return Clause(name=rule.name, label=rule.label, passages=tuple(found), confidence=round(confidence, 2))


def _proviso(text: str, after: int) -> int:
    """Where exceptions to the rule begin; what they say does not undo it."""
    found = phrase(r"\bprovided,? (?:however,? )?(?:that|,)").search(text, after)
    return found.start() if found else len(text)


def _quoted(sentence: Span, start: int, end: int) -> Span:
    """The sentence, or what of a long one stands around the match."""
    if sentence.end - sentence.start <= 2 * _QUOTED:
        return sentence
    return Span(
        max(sentence.start, sentence.start + start - _QUOTED), min(sentence.end, sentence.start + end + _QUOTED)
    )
