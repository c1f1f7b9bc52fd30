"""Writes a draft without a model: the sources' own sentences, cited, in the words of a tone and for an audience."""

import re
from collections.abc import Sequence

from jobforge.autopilot.drafting.brief import (
    NETWORK_LIMITS,
    NETWORK_NAMES,
    Brief,
    Draft,
    Network,
    Post,
    Quote,
    Source,
    post_length,
)
from jobforge.autopilot.drafting.markdown import escaped, heading
from jobforge.autopilot.drafting.matching import holds
from jobforge.autopilot.drafting.ranking import ranked
from jobforge.autopilot.drafting.sentences import Sentence, sentences_of
from jobforge.autopilot.drafting.wording import MANNERS, READERSHIPS, Manner, Readership

NAME = "extractive"
_MOST = {"blog": 14, "email": 4}
_LONGEST_TAG = 40
_FRAME_WORDS = 60
"""About what a frame takes of a body's words."""
_WHY = re.compile(
    r"\d|\b(?:because|reduc\w+|increas\w+|improv\w+|sav(?:e|es|ing)|cost\w*|risk\w*|result\w*|effect\w*|cause\w*|"
    r"benefit\w*)\b",
    re.IGNORECASE,
)
_HOW = re.compile(
    r"\b(?:should|must|never|always|before|use|check|start|when|if|need\w*|recommend\w*|install\w*|choose)\b",
    re.IGNORECASE,
)


def write(brief: Brief, sources: Sequence[Source]) -> Draft:
    """The draft; an outline if no sentence of the sources is about the topic. Runs in a child process."""
    manner, readership = MANNERS[brief.tone], READERSHIPS[brief.audience]
    allowed = [each for each in sentences_of(sources) if not holds(each.text, brief.banned_words)]
    best = ranked(allowed, brief.topic, readership)
    title = _filled(manner.title, brief, readership, escape=False)
    title = title[0].upper() + title[1:]
    if not best:
        return _outline(brief, title, readership, given=bool(sources))
    if brief.format == "social":
        return _social(brief, title, manner, readership, best)
    chosen = _within(best, brief.max_words - _FRAME_WORDS, _MOST[brief.format])
    quotes = tuple(Quote(each.document_id, each.text) for each in chosen)
    lines = (_blog if brief.format == "blog" else _email)(brief, manner, readership, chosen)
    return Draft(title, "\n\n".join(lines) + "\n", quotes)


def _within(best: Sequence[Sentence], words: int, most: int) -> list[Sentence]:
    """The best that fit into so many words, at least one."""
    chosen: list[Sentence] = []
    for sentence in best[:most]:
        words -= sentence.words
        if words >= 0 or not chosen:
            chosen.append(sentence)
    return chosen


def _blog(brief: Brief, manner: Manner, readership: Readership, chosen: Sequence[Sentence]) -> list[str]:
    number = {sentence: place for place, sentence in enumerate(chosen, 1)}
    lead, rest = chosen[0], chosen[1:]
    lines = [f"{_filled(manner.opening, brief, readership)} {_cited(lead, number)}"]
    sections: list[list[Sentence]] = [[], [], []]
    for sentence in rest:
        sections[_section(sentence)].append(sentence)
    filled = [(name, each) for name, each in zip(readership.headings, sections, strict=True) if each]
    for place, (name, sentences) in enumerate(filled):
        told = " ".join(_cited(each, number) for each in sorted(sentences, key=lambda each: each.place))
        lines += [heading(2, name), f"{(manner.further if place else manner.bridge)} {told}"]
    return [*lines, f"{manner.closing} {manner.call.format(action=readership.action)}"]


def _section(sentence: Sentence) -> int:
    return 2 if _HOW.search(sentence.text) else 1 if _WHY.search(sentence.text) else 0


def _email(brief: Brief, manner: Manner, readership: Readership, chosen: Sequence[Sentence]) -> list[str]:
    number = {sentence: place for place, sentence in enumerate(chosen, 1)}
    points = "\n".join(f"- {_cited(each, number)}" for each in chosen)
    return [
        manner.greeting,
        _filled(manner.hook, brief, readership),
        points,
        manner.call.format(action=readership.action),
        f"{manner.sign_off}  \n{escaped('[name]')}",
    ]


def _social(brief: Brief, title: str, manner: Manner, readership: Readership, best: Sequence[Sentence]) -> Draft:
    hook = _filled(manner.hook, brief, readership, escape=False)
    posts, lines = list[Post](), list[str]()
    number: dict[Sentence, int] = {}
    for network in brief.networks:
        taken = _post_sentences(network, hook, brief.topic, best)
        for each in taken:
            number.setdefault(each, len(number) + 1)
        posts.append(Post(network, _post(hook, [each.text for each in taken], brief.topic)))
        size = f"{posts[-1].length} of {NETWORK_LIMITS[network]} characters"
        lines += [heading(2, f"{NETWORK_NAMES[network]} ({size})"), escaped(hook)]
        lines += [*(_cited(each, number) for each in taken), escaped(_tag(brief.topic))]
    quotes = tuple(Quote(each.document_id, each.text) for each in number)
    return Draft(title, "\n\n".join(lines) + "\n", quotes, tuple(posts))


def _post_sentences(network: Network, hook: str, topic: str, best: Sequence[Sentence]) -> list[Sentence]:
    """As many of the best as the network's limit takes, at most three."""
    taken: list[Sentence] = []
    for sentence in best:
        longer = _post(hook, [each.text for each in (*taken, sentence)], topic)
        if post_length(network, longer) <= NETWORK_LIMITS[network]:
            taken.append(sentence)
        if len(taken) == 3:
            break
    return taken


def _post(hook: str, sentences: Sequence[str], topic: str) -> str:
    return "\n\n".join((hook, *sentences, _tag(topic)))


def _tag(topic: str) -> str:
    return "#" + "".join(word.capitalize() for word in re.findall(r"[^\W_]+", topic)[:3])[:_LONGEST_TAG]


def _outline(brief: Brief, title: str, readership: Readership, *, given: bool) -> Draft:
    why = "none of the sources says anything about the topic" if given else "no sources were given"
    lines = [
        f"**This is an outline, not a draft: {why}.** Nothing below is a statement about {escaped(brief.topic)}.",
        heading(2, f"Questions that {readership.reader} will ask"),
        "\n".join(f"{place}. {question}" for place, question in enumerate(readership.questions, 1)),
        heading(2, "Sections"),
        "\n".join(f"- {name}" for name in readership.headings),
        heading(2, "Missing"),
        "Documents on the topic: name a knowledge index, uploaded documents or texts, and request the draft again.",
    ]
    return Draft(title, "\n\n".join(lines) + "\n", outline=True)


def _cited(sentence: Sentence, number: dict[Sentence, int]) -> str:
    return f"{escaped(sentence.text)} [{number[sentence]}]"


def _filled(pattern: str, brief: Brief, readership: Readership, *, escape: bool = True) -> str:
    topic = escaped(brief.topic) if escape else brief.topic
    return pattern.format(topic=topic, reader=readership.reader)
