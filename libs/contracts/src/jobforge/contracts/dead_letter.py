"""What cannot go on: the headers that say why, beside bytes that nobody touched."""

from collections.abc import Iterable, Mapping

REASON = "jobforge-reason"
"""A stable code, such as ``job.unreadable`` or ``event.invalid``."""
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

ADDED_HEADERS = frozenset(
    {REASON, DETAIL, CAUSE, ORIGIN_TOPIC, ORIGIN_PARTITION, ORIGIN_OFFSET, ORIGIN_TIMESTAMP, DEAD_AT}
)

Headers = tuple[tuple[str, bytes], ...]


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
    return (*original, *((name, text.encode()) for name, text in added.items()))


def added_headers(headers: Iterable[tuple[str, bytes]]) -> Mapping[str, str]:
    """What JobForge added to a dead letter: the last of each name, as text."""
    return {name: value.decode(errors="replace") for name, value in headers if name in ADDED_HEADERS}
