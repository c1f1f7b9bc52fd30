"""Chooses the sentences that say most about a topic to an audience, without saying anything twice."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from math import log, log1p

from jobforge.autopilot.drafting.sentences import Sentence
from jobforge.autopilot.drafting.wording import Readership

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_STOP = frozenset(
    _WORD.findall(
        "a about above after again all also an and any are as at be because been before being below between both "
        "but by can could did do does doing down during each few for from further had has have having he her here "
        "his how i if in into is it its itself just may me more most must my no nor not now of off on once only or "
        "other our out over own same she should so some such than that the their them then there these they this "
        "those through to too under until up very was we were what when where which while who whom why will with "
        "would you your"
    )
)
_FIGURE = re.compile(r"\d")
_TOO_LONG, _CUE, _WITH_FIGURE = 0.6, 0.25, 0.15
_ALIKE = 0.5
"""Share of terms above which two sentences say the same."""
_MOST = 80
"""More than any draft takes; a sentence is compared with each one that is kept."""


def terms(text: str) -> list[str]:
    """The stems of a text's words, without those that carry no meaning."""
    from Stemmer import Stemmer

    words = [word for word in _WORD.findall(text.lower()) if word not in _STOP]
    return list(Stemmer("english").stemWords(words))


def ranked(sentences: Sequence[Sentence], topic: str, readership: Readership) -> list[Sentence]:
    """Those that are about the topic and can stand alone, the most telling first.

    The worth of a sentence is the summed rarity of the topic's terms in it, relative to its length, times what the
    audience makes of it: words that it looks for, figures, a length that it can follow.
    """
    asked = set(terms(topic))
    words = [terms(sentence.text) for sentence in sentences]
    rarity = _rarity(words)
    worth = {
        place: about * _taste(sentence, readership)
        for place, sentence in enumerate(sentences)
        if not sentence.hangs
        and (about := sum(rarity(term) for term in asked & set(words[place])) / (1 + log1p(len(words[place]))))
    }
    order = sorted(worth, key=lambda place: (-worth[place], place))
    return [sentences[place] for place in _different(order, words)]


def _rarity(words: Sequence[Sequence[str]]) -> Callable[[str], float]:
    seen = Counter(term for each in words for term in set(each))
    return lambda term: log(1 + (len(words) + 1) / (seen[term] + 0.5))


def _taste(sentence: Sentence, readership: Readership) -> float:
    own = {word.lower() for word in _WORD.findall(sentence.text)}
    taste = 1.0 + _CUE * min(len(own & set(readership.cues.split())), 4)
    if readership.likes_figures and _FIGURE.search(sentence.text):
        taste += _WITH_FIGURE
    if sentence.words > readership.long_sentence:
        taste *= _TOO_LONG
    return taste


def _different(order: Iterable[int], words: Sequence[Sequence[str]]) -> list[int]:
    kept: list[int] = []
    for place in order:
        own = set(words[place])
        if all(len(own & set(words[other])) <= _ALIKE * min(len(own), len(words[other])) for other in kept):
            kept.append(place)
            if len(kept) == _MOST:
                break
    return kept
