"""What an editor would look for in a draft: its length, statements without a source, words that are banned."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jobforge.autopilot.drafting.brief import NETWORK_LIMITS, NETWORK_NAMES, Brief, Draft, Source
from jobforge.autopilot.drafting.citing import CITED, MISSING
from jobforge.autopilot.drafting.matching import holds
from jobforge.autopilot.drafting.sentences import split

Status = Literal["pass", "warn", "fail"]
_MOST_FINDINGS = 20
_CLAIM = re.compile(
    r"\d|\b(?:best|first|only|leading|largest|fastest|cheapest|safest|most|never|always|proven?|guarante\w+|"
    r"studies|research|according to|experts?|percent|twice|half|doubled?|tripled?)\b",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
_ADDRESS = re.compile(r"https?://[^\s)>\]\"']+")
_NO_STATEMENT = re.compile(r"^\s*#{1,6}\s")
_NUMBERING = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked for, and what was found."""

    name: str
    status: Status
    message: str
    findings: tuple[str, ...] = ()


def checked(draft: Draft, brief: Brief, sources: Sequence[Source]) -> tuple[Check, ...]:
    """Every check, in a fixed order."""
    lengths = _posts(draft) if draft.posts else _length(draft, brief)
    return (
        lengths,
        _sources(draft),
        _claims(draft),
        _figures(draft, sources),
        _links(draft, sources),
        _banned(draft, brief),
    )


def _length(draft: Draft, brief: Brief) -> Check:
    words = len(re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", draft.body))
    message = f"{words} words of at most {brief.max_words}"
    return Check("length", "pass" if words <= brief.max_words else "fail", message)


def _posts(draft: Draft) -> Check:
    sizes = [(NETWORK_NAMES[post.network], post.length, NETWORK_LIMITS[post.network]) for post in draft.posts]
    long = tuple(f"{name}: {length} of {limit} characters" for name, length, limit in sizes if length > limit)
    message = "each post fits its network" if not long else "posts are longer than their networks take"
    return Check("length", "fail" if long else "pass", message, long)


def _sources(draft: Draft) -> Check:
    documents = {quote.document_id for quote in draft.quotes}
    if not documents:
        what = "an outline without any source" if draft.outline else "the draft cites no source"
        return Check("sources", "warn", f"{what}; every statement is to be proven by its editor")
    return Check("sources", "pass", f"{len(draft.quotes)} quotes of {len(documents)} documents")


def _claims(draft: Draft) -> Check:
    bare = [each for each in _statements(draft) if _CLAIM.search(each) and not CITED.search(each)]
    return _found("unsourced_claims", "warn", "statements that need a source have none", bare)


def _figures(draft: Draft, sources: Sequence[Source]) -> Check:
    """A figure in a cited statement stands in a document that the statement cites; a citation names a source."""
    wrong = [each for each in _statements(draft) if MISSING in each]
    for statement in _statements(draft):
        cited = {int(number) for number in CITED.findall(statement)}
        documents = {draft.quotes[number - 1].document_id for number in cited if 1 <= number <= len(draft.quotes)}
        if not documents:
            continue
        known = {figure for each in sources if each.document_id in documents for figure in _FIGURE.findall(each.text)}
        if not set(_FIGURE.findall(CITED.sub("", statement))) <= known:
            wrong.append(statement)
    return _found("cited_figures", "fail", "statements differ from the sources that they cite", wrong)


def _links(draft: Draft, sources: Sequence[Source]) -> Check:
    known = " ".join(source.text for source in sources)
    unknown = [address for address in dict.fromkeys(_ADDRESS.findall(draft.body)) if address not in known]
    return _found("links", "fail", "addresses stand in no source", unknown)


def _banned(draft: Draft, brief: Brief) -> Check:
    return _found(
        "banned_words", "fail", "banned words occur", holds(f"{draft.title}\n{draft.body}", brief.banned_words)
    )


def _statements(draft: Draft) -> list[str]:
    """The sentences of the body, each with the citations behind it."""
    lines = [_NUMBERING.sub("", line) for line in draft.body.splitlines() if line.strip()]
    found: list[str] = []
    for line in lines:
        if _NO_STATEMENT.match(line):
            continue
        # A citation stands behind the full stop: it belongs to the sentence before it.
        for part in split(re.sub(r"([.!?])((?:\s*\[(?:\d{1,3}|source missing)\])+)", r"\2\1", line)):
            found.append(part)
    return [each for each in found if not each.endswith("?")]


def _found(name: str, status: Status, message: str, findings: Sequence[str]) -> Check:
    if not findings:
        return Check(name, "pass", "nothing found")
    shown = tuple(finding[:300] for finding in findings[:_MOST_FINDINGS])
    return Check(name, status, f"{message} ({len(findings)})", shown)
