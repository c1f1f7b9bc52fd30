"""Writes the numbers of a path in fewer letters, each with the same value."""

import re

_GAP = re.compile(r"[\s,]+")
_BESIDE_COMMANDS = re.compile(r" ?([MmLlHhVvCcSsQqTtAaZz]) ?")
_BEFORE_SIGNS = re.compile(r" (?=-)")
_FRACTION = re.compile(r"(?:(?<!\d)(\d+))?\.(\d+)")


def shortened(path: str) -> str:
    """The same path or list of points. Where arcs are, flags may lean on numbers, so their digits stay as they are."""
    path = _BESIDE_COMMANDS.sub(r"\1", _GAP.sub(" ", path.strip()))
    if "a" not in path and "A" not in path:
        path = _FRACTION.sub(_shorter, path)
    return _BEFORE_SIGNS.sub("", path)


def _shorter(number: re.Match[str]) -> str:
    whole, part = (number[1] or "").lstrip("0"), number[2].rstrip("0")
    return f"{whole}.{part}" if part else whole or "0"
