"""What cannot go on: the headers that say why, beside bytes that nobody touched."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import NamedTuple, Protocol

from jobforge.contracts.topics import SET_ASIDE_MESSAGE_BYTES

REASON = "jobforge-reason"
"""A stable code, such as ``job.unreadable`` or ``event.invalid``. The first of the added headers."""
DETAIL = "jobforge-detail"
"""The reason in words, at most 1,000 characters, never the content."""
ORIGIN_TOPIC = "jobforge-origin-topic"
ORIGIN_PARTITION = "jobforge-origin-partition"
ORIGIN_OFFSET = "jobforge-origin-offset"
ORIGIN_TIMESTAMP = "jobforge-origin-timestamp"
"""Milliseconds since the epoch."""
DEAD_AT = "jobforge-dead-at"
"""ISO 8601 instant of the decision."""
CAUSE = "jobforge-cause"
"""The code of the last error, where attempts are spent; else the reason again."""

VALUE_NULL = "jobforge-value-null"
"""``true`` where the original had neither key nor value: no producer of ours writes that, so the value is empty."""
VALUE_BYTES = "jobforge-value-bytes"
"""Where the value was cut to what the topic takes: how many bytes the whole had."""
VALUE_SHA256 = "jobforge-value-sha256"
"""Where the value was cut: the digest of the whole, in hexadecimal."""
KEY_BYTES = "jobforge-key-bytes"
"""Where even the key was cut: how many bytes the whole had."""
KEY_SHA256 = "jobforge-key-sha256"
"""Where even the key was cut: the digest of the whole, in hexadecimal."""
HEADERS_LEFT_OUT = "jobforge-headers-left-out"
"""How many headers the original had, where they alone are more than the topic takes and are left out."""

ALWAYS_ADDED = frozenset(
    {REASON, DETAIL, CAUSE, ORIGIN_TOPIC, ORIGIN_PARTITION, ORIGIN_OFFSET, ORIGIN_TIMESTAMP, DEAD_AT}
)
ADDED_HEADERS = ALWAYS_ADDED | {VALUE_NULL, VALUE_BYTES, VALUE_SHA256, KEY_BYTES, KEY_SHA256, HEADERS_LEFT_OUT}

LARGEST = SET_ASIDE_MESSAGE_BYTES - 1024
"""Bytes that a record set aside may take, so that there is room for what every send in a trace adds."""
_FRAMING = 100
"""A batch's head, and what a record of any size takes beside key, value and headers."""
_NOTES = 512
"""Room for the headers that say what was cut."""

Headers = tuple[tuple[str, bytes], ...]


class Original(Protocol):
    """A record as it was read."""

    @property
    def topic(self) -> str:
        """Where it stood."""
        ...

    @property
    def partition(self) -> int:
        """Where it stood."""
        ...

    @property
    def offset(self) -> int:
        """Where it stood."""
        ...

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch."""
        ...

    @property
    def key(self) -> bytes | None:
        """As it came."""
        ...

    @property
    def value(self) -> bytes | None:
        """As it came."""
        ...

    @property
    def headers(self) -> Headers:
        """As they came."""
        ...


class Aside(NamedTuple):
    """What to write where records are set aside."""

    key: bytes | None
    value: bytes | None
    headers: Headers


def aside(original: Original, *, reason: str, detail: str, dead_at: str, cause: str | None = None) -> Aside:
    """The record as it came and, after its headers, the reason and the origin; it can always be written.

    Neither key nor value: the value is empty. Larger than ``LARGEST``: the value is cut to what fits; where headers
    or key alone are too large, the headers are left out, and then the key is cut too. Added headers say each.
    """
    key, value, headers = original.key, original.value, original.headers
    added = dead_letter_headers(
        (),
        reason=reason,
        detail=detail,
        topic=original.topic,
        partition=original.partition,
        offset=original.offset,
        timestamp=original.timestamp,
        dead_at=dead_at,
        cause=cause,
    )
    if key is None and value is None:
        value, added = b"", _with(added, {VALUE_NULL: "true"})
    if size(key, value, (*headers, *added)) <= LARGEST:
        return Aside(key, value, (*headers, *added))
    notes: dict[str, str] = {}
    left = LARGEST - _NOTES - size(key, None, (*headers, *added))
    if left < 0 and headers:
        notes[HEADERS_LEFT_OUT] = str(len(headers))
        headers = ()
        left = LARGEST - _NOTES - size(key, None, added)
    if left < 0 and key is not None:
        notes |= {KEY_BYTES: str(len(key)), KEY_SHA256: sha256(key).hexdigest()}
        key, left = key[:left], 0
    if value is not None and len(value) > left:
        notes |= {VALUE_BYTES: str(len(value)), VALUE_SHA256: sha256(value).hexdigest()}
        value = value[:left]
    return Aside(key, value, (*headers, *_with(added, notes)))


def dead_letter_headers(
    original: Headers,
    *,
    reason: str,
    detail: str,
    topic: str,
    partition: int,
    offset: int,
    timestamp: int,
    dead_at: str,
    cause: str | None = None,
) -> Headers:
    """The original headers, untouched and first, and then the reason and the origin."""
    added = {
        REASON: reason,
        DETAIL: detail[:1000],
        ORIGIN_TOPIC: topic,
        ORIGIN_PARTITION: str(partition),
        ORIGIN_OFFSET: str(offset),
        ORIGIN_TIMESTAMP: str(timestamp),
        DEAD_AT: dead_at,
        CAUSE: cause or reason,
    }
    return _with(original, added)


def added_headers(headers: Iterable[tuple[str, bytes | None]]) -> Mapping[str, str]:
    """What JobForge added to a dead letter, as text: it begins with the last reason, so that no original forges it."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name == REASON:
            found = {}
        if name in ADDED_HEADERS:
            found[name] = (value or b"").decode(errors="replace")
    return found


def size(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Bytes that such a record takes in a batch of its own, at most."""
    named = [(name.encode(), content or b"") for name, content in headers]
    fields = [key or b"", value or b"", *(field for header in named for field in header)]
    return _FRAMING + sum(len(field) + (len(field).bit_length() + 7) // 7 for field in fields)


def _with(headers: Headers, added: Mapping[str, str]) -> Headers:
    return (*headers, *((name, text.encode()) for name, text in added.items()))
