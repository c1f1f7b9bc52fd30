"""What must never be written down: secrets by the name of their field, and by their shape in text."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

REDACTED = "[redacted]"

_SECRET_ENDINGS = (
    "password",
    "passwd",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "jaasconfig",
)
# Each begins where a word begins and is bounded, so that a long text costs its length and no more.
_IN_TEXT = (
    # scheme://user:password@host; digits and a slash after the colon are a port
    (
        re.compile(
            r"(?<![a-z0-9+.\-])(?P<kept>[a-z][a-z0-9+.\-]{0,30}://[^\s/:@]{0,256}:)(?!\d{1,5}/)[^\s@]{1,512}(?=@)",
            re.IGNORECASE,
        ),
        rf"\g<kept>{REDACTED}",
    ),
    (re.compile(r"(?P<kept>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=\-]{8,}", re.IGNORECASE), rf"\g<kept>{REDACTED}"),
    # policy_token=..., "api_key": "...", JOBFORGE_POLICY_TOKEN_SECRET=...
    (
        re.compile(
            r"(?<![\w.\-])(?P<kept>[\w.\-]{0,128}(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|authorization)"
            r"[\"']?\s{0,8}[=:]\s{0,8}[\"']?)(?!\[redacted\])(?:(?:bearer|basic)\s+)?[^\s\"',;&}\])]+",
            re.IGNORECASE,
        ),
        rf"\g<kept>{REDACTED}",
    ),
)
MAX_TEXT = 16 * 1024
"""Characters of one text that are looked at; the rest is cut off, so it cannot leak either."""
_DEPTH = 8


def redact_text(text: str) -> str:
    """The text without URL passwords, bearer tokens and ``secret=...`` values, and cut after ``MAX_TEXT``."""
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}... ({len(text) - MAX_TEXT} more characters)"
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any, *, depth: int = _DEPTH) -> Any:
    """The value with secrets replaced: by field name in mappings, by shape in text. Deeper than 8 is left out.

    Objects other than numbers, instants and UUIDs become text, since a secret may be in theirs.
    """
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, bool | int | float | datetime | UUID):
        return value
    if not isinstance(value, Mapping | list | tuple | set | frozenset):
        return redact_text(f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else str(value))
    if depth == 0:
        return "..."
    if isinstance(value, Mapping):
        return {
            name: REDACTED if found is not None and is_secret_name(str(name)) else redact(found, depth=depth - 1)
            for name, found in value.items()
        }
    return [redact(item, depth=depth - 1) for item in value]


def is_secret_name(name: str) -> bool:
    """Whether a field of that name, however it is cased, holds a secret."""
    bare = re.sub(r"[^a-z0-9]", "", name.lower())
    return bare.endswith(_SECRET_ENDINGS) or "secret" in bare
