"""Finds what must not stand in a text."""

import re
from collections.abc import Sequence


def holds(text: str, words: Sequence[str]) -> list[str]:
    """Those of the words (or phrases) that the text holds as whole words."""
    return [word for word in words if _pattern(word).search(text)]


def hidden(text: str, key: str) -> str:
    """The text without the key of an endpoint, which may say it back."""
    return text.replace(key, "***") if key else text


def _pattern(word: str) -> re.Pattern[str]:
    spaced = r"\s+".join(map(re.escape, word.split()))
    return re.compile(rf"(?<!\w){spaced}(?!\w)", re.IGNORECASE)
