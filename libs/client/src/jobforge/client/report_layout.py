"""How JSON values are laid out in a report: text, lists, fields and tables, the same for HTML and Markdown."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Tone = Literal["plain", "good", "bad", "faint", "number", "code"]

EMPTY = "—"
_SHORT_ROWS = 2
_LONG_TEXT = 60
_CODE_KEYS = re.compile(r"(^|_)(sha256|digest|id|claim|worker|pointer)$")
_RATIO_KEYS = re.compile(r"_ratio$|^saved_|^confidence$|^fraction$")
_BYTE_KEYS = re.compile(r"(^|_)bytes$")
_SECOND_KEYS = re.compile(r"(_seconds|_for)$")
_ACRONYMS = {"sha256": "SHA-256", "ssim": "SSIM", "id": "ID", "url": "URL", "cpu": "CPU", "python": "Python"}
_ISO_INSTANT = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]00:00)$")


@dataclass(frozen=True, slots=True)
class Text:
    """One value as a person reads it."""

    text: str
    tone: Tone = "plain"
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class Items:
    """Values in a row."""

    items: tuple["Node", ...]
    kind: Literal["items"] = "items"


@dataclass(frozen=True, slots=True)
class Fields:
    """Named values."""

    fields: tuple[tuple[str, "Node"], ...]
    kind: Literal["fields"] = "fields"


@dataclass(frozen=True, slots=True)
class Table:
    """Records of one shape, a row each; ``numeric`` says which columns hold only numbers, ``wide`` which long texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple["Node", ...], ...]
    numeric: tuple[bool, ...]
    wide: tuple[bool, ...]
    kind: Literal["table"] = "table"


Node = Text | Items | Fields | Table


def lay_out(value: Any, key: str = "") -> Node:
    """The layout of a JSON value; ``key`` is the name it stands under and decides its unit."""
    if isinstance(value, Mapping):
        return _of_mapping(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return _of_sequence(value, key)
    return scalar(value, key)


def _of_mapping(value: Mapping[str, Any]) -> Node:
    if not value:
        return Text(EMPTY, "faint")
    inner = list(value.values())
    if len(inner) > _SHORT_ROWS and all(isinstance(each, Mapping) and each for each in inner):
        return _table([{"": label(name), **each} for name, each in value.items()])
    return Fields(tuple((label(name), lay_out(each, name)) for name, each in value.items()))


def _of_sequence(value: Sequence[Any], key: str) -> Node:
    if not value:
        return Text(EMPTY, "faint")
    if all(isinstance(each, Mapping) and each for each in value):
        return _table(list(value))
    return Items(tuple(lay_out(each, key) for each in value))


def _table(records: Sequence[Mapping[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for record in records for name in record))
    return Table(
        columns=tuple(label(name) for name in names),
        rows=tuple(tuple(lay_out(record.get(name), name) for name in names) for record in records),
        numeric=tuple(_all_numbers([record.get(name) for record in records]) for name in names),
        wide=tuple(any(len(str(record.get(name))) > _LONG_TEXT for record in records) for name in names),
    )


def _all_numbers(values: Sequence[Any]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)


def scalar(value: Any, key: str = "") -> Text:
    """One JSON scalar in words, with the unit that its name implies."""
    if value is None or value == "":
        return Text(EMPTY, "faint")
    if isinstance(value, bool):
        return Text("yes", "good") if value else Text("no", "faint")
    if isinstance(value, int | float):
        return Text(_number(value, key), "number")
    text = str(value)
    if instant := _ISO_INSTANT.match(text):
        return Text(f"{instant[1]} {instant[2]} UTC")
    return Text(text, "code" if _CODE_KEYS.search(key) else "plain")


def _number(value: float, key: str) -> str:
    if not math.isfinite(value):
        return str(value)
    if _RATIO_KEYS.search(key) and -1 <= value <= 1:
        return f"{value * 100:.1f} %"
    if _BYTE_KEYS.search(key) and value >= 0:
        return size(value)
    if _SECOND_KEYS.search(key) and value >= 0:
        return duration(value)
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f") if abs(value) >= 10_000 else str(value)
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.1f}".replace(",", "\u202f")


def label(name: str) -> str:
    """A field's name as a heading: ``governing_law`` is ``Governing law``."""
    words = " ".join(_ACRONYMS.get(word, word) for word in name.replace("-", "_").split("_") if word)
    return words[:1].upper() + words[1:]


def size(number: float) -> str:
    """Bytes in the unit a person would use."""
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"


def duration(seconds: float | None) -> str:
    """Seconds in the unit a person would use."""
    if seconds is None:
        return EMPTY
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
