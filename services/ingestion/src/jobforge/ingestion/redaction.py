"""Replaces what an app marked as personal before anything is published."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from jobforge.contracts.base import JsonObject

REDACTED = "[REDACTED]"


def redact(payload: JsonObject, *, contains_pii: bool, hints: Sequence[str] | None) -> JsonObject:
    """The payload as it may be published; the one given stays as it is.

    ``hints`` are dotted paths, ``*`` for any key or index, and what they name is replaced whole. Without hints every
    leaf of a payload that contains personal data is replaced. A hint that names nothing changes nothing.
    """
    redacted: JsonObject = payload
    if hints:
        redacted = _redact_named(payload, [tuple(hint.split(".")) for hint in hints])
    elif contains_pii:
        redacted = _redact_leaves(payload)
    return redacted


def _redact_leaves(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _redact_leaves(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_redact_leaves(item) for item in value]
    return REDACTED


def _redact_named(value: Any, paths: Iterable[tuple[str, ...]]) -> Any:
    if isinstance(value, dict):
        return {
            # Each once: two ways to the same rest would double it at every level.
            key: _below(item, dict.fromkeys(rest for path in paths for rest in _after_key(path, key)))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _below(item, dict.fromkeys(path[1:] for path in paths if path[0] in ("*", str(index))))
            for index, item in enumerate(value)
        ]
    return value


def _below(value: Any, paths: Collection[tuple[str, ...]]) -> Any:
    if not paths:
        return value
    return REDACTED if () in paths else _redact_named(value, paths)


def _after_key(path: tuple[str, ...], key: str) -> list[tuple[str, ...]]:
    # A key may itself hold dots: it is named by as many of the path's parts.
    parts = key.count(".") + 1
    named = [path[parts:]] if ".".join(path[:parts]) == key else []
    return [*named, path[1:]] if path[0] == "*" and key != "*" else named
