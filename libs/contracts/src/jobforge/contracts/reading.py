"""How a record becomes a message: one rule for bad bytes, bad fields and versions that this code does not know."""

from typing import Any, TypeVar

import pydantic_core
from pydantic import TypeAdapter, ValidationError

from jobforge.contracts.base import Message

M = TypeVar("M", bound=Message)


class Unreadable(ValueError):
    """A record cannot be read. ``reason`` is the stable code for its dead letter."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def read(message: type[M], value: bytes | None) -> M:
    """The message in a record's value; raises ``Unreadable``."""
    try:
        parsed = message.model_validate_json(value or b"")
    except ValidationError as error:
        raise _why(error, value, message.VERSION) from None
    if parsed.schema_version > message.VERSION:
        raise _newer(parsed.schema_version, message.VERSION)
    return parsed


def read_any(adapter: TypeAdapter[Any], value: bytes | None) -> Any:
    """One of several messages, told apart by its discriminator; raises ``Unreadable``."""
    try:
        parsed = adapter.validator.validate_json(value or b"")
    except ValidationError as error:
        raise _why(error, value, 1) from None
    known = getattr(parsed, "VERSION", 1)
    if parsed.schema_version > known:
        raise _newer(parsed.schema_version, known)
    return parsed


def _newer(found: int, known: int) -> Unreadable:
    return Unreadable("record.version_unknown", f"schema_version {found} is newer than {known}, the newest known here")


def _why(error: ValidationError, value: bytes | None, known: int) -> Unreadable:
    try:
        raw = pydantic_core.from_json(value or b"")
    except ValueError:
        return Unreadable("record.malformed", "the value is not JSON")
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if isinstance(version, int) and version > known:
        return _newer(version, known)
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    pointer = "/" + "/".join(str(part) for part in first["loc"])
    return Unreadable("record.invalid", f"{pointer}: {first['msg']} ({error.error_count()} in all)")
