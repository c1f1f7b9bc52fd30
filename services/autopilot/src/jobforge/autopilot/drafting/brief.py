"""What is asked for: topic, format, tone, audience and limits, with what each format and network allows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Format = Literal["blog", "email", "social"]
Tone = Literal["professional", "friendly", "enthusiastic", "formal"]
Audience = Literal["general", "technical", "executive", "customers"]
Network = Literal["x", "bluesky", "mastodon", "threads", "instagram", "linkedin", "facebook"]

MAX_WORDS: Mapping[Format, int] = {"blog": 700, "email": 200}
"""Words of a body unless the job says otherwise; a social post has the limit of its network."""
NETWORK_LIMITS: Mapping[Network, int] = {
    "x": 280,
    "bluesky": 300,
    "mastodon": 500,
    "threads": 500,
    "instagram": 2_200,
    "linkedin": 3_000,
    "facebook": 63_206,
}
"""Characters of one post, as each network documents them for everybody's accounts."""
NETWORK_NAMES: Mapping[Network, str] = {
    "x": "X",
    "bluesky": "Bluesky",
    "mastodon": "Mastodon",
    "threads": "Threads",
    "instagram": "Instagram",
    "linkedin": "LinkedIn",
    "facebook": "Facebook",
}
_URL = re.compile(r"https?://\S+")
_URL_LENGTH = 23
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""Code points that X counts once; any other counts twice (github.com/twitter/twitter-text, configuration v3)."""


@dataclass(frozen=True, slots=True)
class Brief:
    """A draft as it is asked for."""

    topic: str
    format: Format
    tone: Tone
    audience: Audience
    networks: tuple[Network, ...] = ()
    max_words: int = 0
    banned_words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A text that a draft may quote; several may be of one document."""

    document_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Quote:
    """What a draft took from a document."""

    document_id: str
    quote: str


@dataclass(frozen=True, slots=True)
class Post:
    """What one network gets, as plain text."""

    network: Network
    text: str

    @property
    def length(self) -> int:
        """Characters as the network counts them."""
        return post_length(self.network, self.text)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a writer hands in. ``body`` is Markdown and cites ``quotes`` by number, from 1, as ``[1]``."""

    title: str
    body: str
    quotes: tuple[Quote, ...] = ()
    posts: tuple[Post, ...] = ()
    outline: bool = False


def post_length(network: Network, text: str) -> int:
    """Characters as a network counts them: X and Mastodon count an address as 23, X a wide character as two."""
    if network not in ("x", "mastodon"):
        return len(text)
    addresses = len(_URL.findall(text)) * _URL_LENGTH
    rest = _URL.sub("", text)
    return addresses + (sum(map(_weight, rest)) if network == "x" else len(rest))


def _weight(sign: str) -> int:
    return 1 if any(first <= ord(sign) <= last for first, last in _LIGHT) else 2
