"""Finds words in a text whatever their case."""

import re
from collections.abc import Sequence


def holds(text: str, words: Sequence[str]) -> list[str]:
    """Those of the words (or phrases) that the text holds as whole words."""
    return [word for word in words if _pattern(word).search(text)]


def _pattern(word: str) -> re.Pattern[str]:
    spaced = r"\s+".join(map(re.escape, word.split()))
    return re.compile(rf"(?<!\w){spaced}(?!\w)", re.IGNORECASE)
