"""How many headers a door takes: servers pass on as many as they are sent."""

from collections.abc import Sequence

MAX_HEADERS = 100
MAX_HEADER_BYTES = 16 * 1024


def flooded(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a request has more headers, or more bytes in them, than any honest one."""
    return len(headers) > MAX_HEADERS or sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES
