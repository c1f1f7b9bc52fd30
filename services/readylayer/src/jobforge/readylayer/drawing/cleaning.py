"""Writes a drawing anew with what may stay in it, and without what nobody sees."""

from collections import Counter
from dataclasses import dataclass
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from jobforge.readylayer.drawing.growth import Growth
from jobforge.readylayer.drawing.numbers import shortened
from jobforge.readylayer.drawing.rules import (
    SVG,
    TEXTUAL,
    XLINK,
    IsPicture,
    attribute,
    element,
    is_harmful_animation,
    is_local_style,
)
from jobforge.readylayer.errors import EntitiesDeclared, Unreadable, UnsupportedType

_NUMBERS = frozenset({"d", "points"})
_MOST_KINDS = 20


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A drawing that is safe to show; ``removed`` says what was taken away, such as ``script x1``."""

    svg: bytes
    removed: tuple[str, ...]


def clean(data: bytes, is_picture: IsPicture) -> Cleaned:
    """The drawing without scripts, event handlers, links and references out of the file, comments and editors' data.

    Raises ``EntitiesDeclared``, ``TooLarge``, ``Unreadable``, or ``UnsupportedType`` for another kind of XML.
    """
    writer = _Writer(is_picture)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.ordered_attributes = True
    parser.StartElementHandler = writer.opened
    parser.EndElementHandler = writer.closed
    parser.CharacterDataHandler = writer.text
    parser.EntityDeclHandler = _refuse_entity
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as problem:
        raise Unreadable(f"the SVG file is no well-formed XML: {problem}") from None
    writer.growth.check()
    kinds = [f"{name} x{times}" for name, times in sorted(writer.removed.items())]
    more = [f"{len(kinds) - _MOST_KINDS} more kinds"] if len(kinds) > _MOST_KINDS else []
    return Cleaned(writer.written(), (*kinds[:_MOST_KINDS], *more))


def _refuse_entity(name: str, *_: object) -> None:
    raise EntitiesDeclared(f"the SVG file declares the XML entity {name[:100]!r}; save it as plain SVG without a DTD")


class _Writer:
    """Takes the parser's events, keeps what may stay."""

    def __init__(self, is_picture: IsPicture) -> None:
        self.removed: Counter[str] = Counter()
        self.growth = Growth()
        self._is_picture = is_picture
        self._pieces: list[str] = []
        self._open: list[str] = []
        self._dropped = 0
        """How deep the parser is inside what does not stay."""
        self._tag_open = False
        self._style: list[str] = []
        self._links = False

    def written(self) -> bytes:
        """The whole drawing."""
        spaces = f' xmlns="{SVG}"' + (f' xmlns:xlink="{XLINK}"' if self._links else "")
        return ("<svg" + spaces + "".join(self._pieces)).encode()

    def opened(self, qualified: str, listed: list[str]) -> None:
        space, _, local = qualified.rpartition(" ")
        if not self._open and not self._dropped and (local != "svg" or space not in ("", SVG)):
            raise UnsupportedType(f"the file is XML whose root is {local[:100]!r}; give SVG, JPEG, PNG, WebP or AVIF")
        if self._dropped:
            self._dropped += 1
            return
        given = dict(zip(listed[::2], listed[1::2], strict=True))
        name, reported = element(space, local, self._open[-1] if self._open else None)
        if name is not None and is_harmful_animation(local, given):
            name, reported = None, local
        if name is None:
            self._dropped = 1
            self.removed.update([reported] if reported else [])
            return
        kept = self._attributes(local, given)
        self.growth.opened(name, kept)
        self._end_tag()
        # The root's own name is written with its namespaces, once it is known which there are.
        self._pieces.append(("<" + name if self._open else "") + _worded(kept))
        self._tag_open = True
        self._open.append(name)

    def closed(self, _: str) -> None:
        if self._dropped:
            self._dropped -= 1
            return
        self.growth.closed()
        name = self._open.pop()
        if name == "style":
            self._write_style()
        self._pieces.append("/>" if self._tag_open else f"</{name}>")
        self._tag_open = False

    def text(self, data: str) -> None:
        if self._dropped or not self._open or self._open[-1] not in TEXTUAL:
            return
        if self._open[-1] == "style":
            self._style.append(data)
        elif data:
            self._end_tag()
            self._pieces.append(escape(data))

    def _write_style(self) -> None:
        style = " ".join("".join(self._style).split())
        self._style = []
        if not is_local_style(style):
            self.removed["style"] += 1
        elif style:
            self._end_tag()
            self._pieces.append(escape(style))

    def _attributes(self, owner: str, given: dict[str, str]) -> dict[str, str]:
        kept = {}
        for qualified, value in given.items():
            name, reported = attribute(owner, qualified, value, self._is_picture)
            self.removed.update([reported] if reported else [])
            if name is not None:
                kept[name] = shortened(value) if name in _NUMBERS else value.strip()
        self._links = self._links or "xlink:href" in kept
        return kept

    def _end_tag(self) -> None:
        if self._tag_open:
            self._pieces.append(">")
            self._tag_open = False


def _worded(attributes: dict[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
