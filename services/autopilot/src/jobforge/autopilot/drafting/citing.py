"""Turns a model's citations of whole sources into citations of the very sentences that bear them out."""

import re
from collections.abc import Sequence

from jobforge.autopilot.drafting.brief import Quote, Source
from jobforge.autopilot.drafting.ranking import terms
from jobforge.autopilot.drafting.sentences import paragraphs, split

CITED = re.compile(r"\[(\d{1,3})\]")
MISSING = "[source missing]"
"""What stands in the place of a citation of a source that was never shown."""
_BEFORE = 500
_LONGEST = 400
"""Characters of a quote, if a source has no shorter sentence."""


def quoted(body: str, sources: Sequence[Source]) -> tuple[str, tuple[Quote, ...]]:
    """The body with its citations numbered anew, and the quotes that they name, in order."""
    quotes: list[Quote] = []

    def renumber(match: re.Match[str]) -> str:
        number = int(match[1])
        if not 1 <= number <= len(sources):
            return MISSING
        quote = _best(sources[number - 1], _statement(body, match.start()))
        if quote not in quotes:
            quotes.append(quote)
        return f"[{quotes.index(quote) + 1}]"

    return CITED.sub(renumber, body), tuple(quotes)


def uncited(text: str) -> str:
    """The text without its citations."""
    return re.sub(r"\s*(?:\[\d{1,3}\]|\[source missing\])", "", text)


def _statement(body: str, end: int) -> str:
    """The sentence that a citation stands behind."""
    before = uncited(body[max(0, end - _BEFORE) : end].rpartition("\n")[2]).strip()
    parts = split(before)
    return parts[-1] if parts else ""


def _best(source: Source, statement: str) -> Quote:
    said = set(terms(statement))
    sentences = [sentence for paragraph in paragraphs(source.text) for sentence in split(paragraph)]
    best = max(sentences, key=lambda sentence: len(said & set(terms(sentence))), default=source.text.strip())
    return Quote(source.document_id, best[:_LONGEST])
