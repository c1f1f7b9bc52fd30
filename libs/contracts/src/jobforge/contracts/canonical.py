"""Canonical JSON (RFC 8785) and digests over it."""

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson
import rfc8785

_EXACT = 2**53 - 1
_SAME_DIGITS = (1e-4, 1e16)
"""Fractions between these are written with the same digits, without an exponent, by orjson and by RFC 8785."""


def canonical_json(value: Any) -> bytes:
    """The RFC 8785 bytes of a JSON value.

    Raises ``ValueError`` for what JSON cannot carry exactly: NaN, infinities, integers beyond 2^53, other types.
    """
    try:
        plain = value if _are_plain((value,)) else _plain(value)
        return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    except (_Unusual, TypeError):  # which an encoding error of orjson is, and a key that is no text raises
        return rfc8785.dumps(value)


def digest(value: Any) -> str:
    """sha256 (64 hex digits) of the value's canonical JSON. Raises ``ValueError`` as ``canonical_json`` does."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


class _Unusual(Exception):
    """Something that orjson would write in another way than RFC 8785, which is then written slowly."""


def _are_plain(values: Iterable[Any]) -> bool:
    """Whether orjson writes all of these canonically as they are; quicker than ``_plain``, which nearly none needs."""
    for value in values:
        kind = type(value)
        if kind is str or value is None or kind is bool:
            continue
        if kind is dict:
            # Other keys sort by UTF-16 units.
            plain = not value or ("".join(value).isascii() and _are_plain(value.values()))
        elif kind is list or kind is tuple:
            plain = not value or _are_plain(value)
        elif kind is int:
            plain = -_EXACT <= value <= _EXACT
        else:
            plain = kind is float and _SAME_DIGITS[0] <= abs(value) < _SAME_DIGITS[1] and not value.is_integer()
        if not plain:
            return False
    return True


def _plain(value: Any) -> Any:
    """The value as orjson writes it canonically: whole floats as integers; raises ``_Unusual``."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is dict:
        for key in value:
            if type(key) is not str or not key.isascii():
                raise _Unusual
        return {key: _plain(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    if kind is int and -_EXACT <= value <= _EXACT:
        return value
    if kind is float:
        if value.is_integer() and -_EXACT <= value <= _EXACT:
            return int(value)
        if _SAME_DIGITS[0] <= abs(value) < _SAME_DIGITS[1]:
            return value
    raise _Unusual
