"""Trace ids in the form that apps have always made."""

import secrets
import string
import time

_ALPHABET = string.digits + string.ascii_lowercase


def generate_trace_id() -> str:
    """A new trace id, ``trace_<milliseconds since the epoch>_<9 of a-z0-9>``."""
    tail = "".join(secrets.choice(_ALPHABET) for _ in range(9))
    return f"trace_{time.time_ns() // 1_000_000}_{tail}"
