"""What keyword search counts: English words without their endings, as numbers."""

import re
from functools import lru_cache
from hashlib import blake2b
from threading import local

import Stemmer

_WORD = re.compile(r"\b\w\w+\b")
_COMMON = frozenset(
    {"a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not", "of"}
    | {
        "on",
        "or",
        "such",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "will",
        "with",
    }
)


def terms(text: str) -> list[int]:
    """The text's words as 64-bit numbers, the same in every process; words that say nothing are left out."""
    return [_number(word) for word in _WORD.findall(text.lower()) if word not in _COMMON]


@lru_cache(maxsize=200_000)
def _number(word: str) -> int:
    return int.from_bytes(blake2b(_stemmer().stemWord(word).encode(), digest_size=8).digest(), "little")


def _stemmer() -> Stemmer.Stemmer:
    """One for each thread, since a stemmer works in memory of its own."""
    if not hasattr(_of_thread, "stemmer"):
        _of_thread.stemmer = Stemmer.Stemmer("english", 0)
    stemmer: Stemmer.Stemmer = _of_thread.stemmer
    return stemmer


_of_thread = local()
