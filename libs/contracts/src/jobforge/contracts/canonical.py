"""Canonical JSON (RFC 8785) and digests over it."""

import hashlib
from typing import Any

import rfc8785


def canonical_json(value: Any) -> bytes:
    """The RFC 8785 bytes of a JSON value.

    Raises ``ValueError`` for what JSON cannot carry exactly: NaN, infinities, integers beyond 2^53, other types.
    """
    return rfc8785.dumps(value)


def digest(value: Any) -> str:
    """sha256 (64 hex digits) of the value's canonical JSON. Raises ``ValueError`` as ``canonical_json`` does."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
