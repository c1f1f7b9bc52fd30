"""What a template returned, as JSON that every reader can carry exactly."""

import asyncio
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from jobforge.contracts.base import JsonObject
from jobforge.contracts.canonical import canonical_json
from jobforge.execution.errors import InvalidOutputs
from jobforge.execution.reasons import first_problem

MAX_DEPTH = 64
"""Lists and objects inside each other. Readers of JSON give up at some level (pydantic at 200), and the record and the
manifest around outputs take a few levels of their own."""
INLINE_CHECK = 32 * 1024
"""Outputs up to this many characters are checked on the event loop, larger ones in a thread."""


class Checked(NamedTuple):
    """Outputs, and the same as JSON text."""

    outputs: JsonObject
    text: str


async def checked(model: type[BaseModel], result: object) -> Checked:
    """The result as the template's output model; raises ``InvalidOutputs`` for what JSON cannot carry exactly."""
    try:
        outputs = model.model_validate(result, from_attributes=isinstance(result, BaseModel))
        _refuse_non_finite(outputs.model_dump())
        plain, text = outputs.model_dump(mode="json"), outputs.model_dump_json()
        if not isinstance(plain, dict):
            raise InvalidOutputs(f"outputs are a JSON object, and this one is a {type(plain).__name__}")
        if len(text) < INLINE_CHECK:
            check_exact(plain)
        else:
            await asyncio.to_thread(check_exact, plain)
    except ValidationError as error:
        raise InvalidOutputs(first_problem(error)) from None
    except ValueError as error:
        raise InvalidOutputs(f"JSON cannot carry the outputs exactly: {error}") from None
    return Checked(plain, text)


def check_exact(value: Any) -> None:
    """Raises ``ValueError`` for what JSON cannot carry exactly, or its readers would not read: deep nesting."""
    text = canonical_json(value)
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH and _deeper(value, MAX_DEPTH):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels of lists and objects: make them flatter")


def _deeper(value: Any, levels: int) -> bool:
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return False
    return levels == 0 or any(_deeper(item, levels - 1) for item in value)


def _refuse_non_finite(value: Any) -> None:
    """Pydantic writes NaN and infinities of untyped fields as null, which would hide them."""
    if value is None or isinstance(value, str | int):
        return
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a JSON number")
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple | set | frozenset):
        return
    for item in value:
        _refuse_non_finite(item)
