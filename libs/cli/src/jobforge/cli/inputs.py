"""Inputs of a job and events, as they are typed or kept in files."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jobforge.cli.failures import Stop

_TOO_DEEP = "{where} nests too deep to be read as JSON: make it flatter"


def job_inputs(pairs: Iterable[str], file: str | None) -> dict[str, Any]:
    """The inputs in a JSON file, and over them each ``name=value``; a value is JSON if it parses, else text."""
    inputs: dict[str, Any] = {}
    if file is not None:
        inputs = _parsed(_read(file), file)
        if not isinstance(inputs, dict):
            raise Stop(f"{file} must hold one JSON object: the inputs by name")
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise Stop(f"--input takes name=value, not {pair!r}", remedy="For example: --input analysis_type=full")
        inputs[name] = typed(value)
    return inputs


def typed(value: str) -> Any:
    """A JSON value if the text is one, else the text itself."""
    try:
        return json.loads(value)
    except ValueError:
        return value
    except RecursionError:
        raise Stop(_TOO_DEEP.format(where="the value of --input")) from None


def events(file: str) -> list[dict[str, Any]]:
    """The events in a file (``-``: standard input): one JSON object, a JSON list, or one object a line."""
    text = _read(file)
    try:
        found = json.loads(text)
    except RecursionError:
        raise Stop(_TOO_DEEP.format(where=file)) from None
    except ValueError:
        found = [_parsed(line, f"{file}, line {n}") for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    listed = found if isinstance(found, list) else [found]
    if not listed or not all(isinstance(event, dict) for event in listed):
        raise Stop(f"{file} must hold JSON objects: one, a list, or one a line")
    return listed


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise Stop(f"{file} is not text in UTF-8: byte {error.start} is {error.object[error.start]:#04x}") from None


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Stop(f"{where} is not JSON: {error}") from None
    except RecursionError:
        raise Stop(_TOO_DEEP.format(where=where)) from None
