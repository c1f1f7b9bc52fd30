"""What a report may quote of a page's elements: enough to find them, and nothing that they hold about a person."""

import re

_TELLING = frozenset({"id", "class", "name", "type", "role", "for", "src", "href", "rel", "media", "lang"})
_OF_PEOPLE = ("mailto:", "tel:", "sms:", "data:")
_IN_SELECTOR = re.compile(r"""\[([\w:-]+)([$^*~|]?=)"((?:[^"\\]|\\.)*)"\]""")
_LONGEST = 60


def attribute(name: str, value: str) -> str | None:
    """An attribute's value as it may be quoted, without the query of an address; None where it may not."""
    if name.lower() not in _TELLING or value.strip().lower().startswith(_OF_PEOPLE):
        return None
    return value.partition("?")[0][:_LONGEST]


def selector(text: str) -> str:
    """A selector whose attributes keep their values only where these may be quoted."""

    def quoted(found: re.Match[str]) -> str:
        name, operator, value = found.groups()
        kept = attribute(name, value)
        return f"[{name}]" if kept is None else f'[{name}{operator}"{kept}"]'

    return _IN_SELECTOR.sub(quoted, text)
