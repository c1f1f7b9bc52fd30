"""A drawing keeps its look and loses whatever acts or reaches out."""

import re
from base64 import b64encode

import pytest

from jobforge.readylayer.drawing.cleaning import Cleaned, clean
from jobforge.readylayer.drawing.numbers import shortened

OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">'


def cleaned(inside: str, start: str = OPEN) -> Cleaned:
    return clean(f"{start}{inside}</svg>".encode(), lambda data: data == b"picture")


def body(inside: str) -> str:
    """What is left between the tags of the root."""
    text = cleaned(inside).svg.decode()
    return text[text.index(">") + 1 :].removesuffix("</svg>")


@pytest.mark.parametrize(
    ("harmful", "left"),
    [
        ("<script>alert(1)</script><g/>", "<g/>"),
        ("<SCRIPT>alert(1)</SCRIPT><g/>", "<g/>"),
        ("<g><script href='https://evil.example/x.js'/></g>", "<g/>"),
        ("<x:script xmlns:x='http://www.w3.org/2000/svg'>1</x:script><g/>", "<g/>"),
        ("<script xmlns='http://www.w3.org/1999/xhtml'>1</script><g/>", "<g/>"),
        ("<rect onload='alert(1)' ONCLICK='x' width='1'/>", '<rect width="1"/>'),
        ("<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'><script/></body></foreignObject><g/>", "<g/>"),
        ("<a xlink:href='javascript:alert(1)'><path d='M0 0'/></a>", '<g><path d="M0 0"/></g>'),
        ("<a href='https://evil.example/'><text>Hi</text></a>", "<g><text>Hi</text></g>"),
        ("<text>a <a href='javascript:1'>link</a></text>", "<text>a <tspan>link</tspan></text>"),
        ("<desc>x<image src='//evil.example/x'/></desc>", "<desc>x</desc>"),
        ("<title><style>a{}</style><g onload='x'/></title>", "<title/>"),
        ("<image src='//evil.example/x' width='1'/>", '<image width="1"/>'),
        ("<g srcset='//evil.example/x 1x' formaction='x'/>", "<g/>"),
        ("<rect fill='url(&quot;//evil.example/x)'/>", "<rect/>"),
        ("<rect fill='URL( //evil.example/x)'/>", "<rect/>"),
        ("<rect fill=\"url('&quot;//evil.example/x')\"/>", "<rect/>"),
        ("<rect fill='url(#a) url(x.svg)'/>", "<rect/>"),
        ("<rect mask=\"image-set('//evil.example/x' 1x)\"/>", "<rect/>"),
        ("<rect cursor=\"-webkit-image-set('x' 1x), auto\"/>", "<rect/>"),
        ("<style>a{mask:cross-fade(url(#a),'//x')}</style><g/>", "<style/><g/>"),
        ("<set attributeName='fill' to='url(//evil.example/x)'/>", '<set attributeName="fill"/>'),
        ("<image href='https://evil.example/track.png' width='1'/>", '<image width="1"/>'),
        ("<image href='file:///etc/passwd'/>", "<image/>"),
        ("<image href='data:image/svg+xml;base64,PHN2Zz4='/>", "<image/>"),
        ("<image href='data:text/html;base64,PHN2Zz4='/>", "<image/>"),
        ("<image href='data:image/png;base64,!!'/>", "<image/>"),
        ("<use href='other.svg#a'/>", "<use/>"),
        ("<use xlink:href='data:image/svg+xml,x#a'/>", "<use/>"),
        ("<set attributeName='href' to='javascript:alert(1)'/><g/>", "<g/>"),
        ("<animate attributeName='xlink:href' values='javascript:1'/><g/>", "<g/>"),
        ("<animate attributeName='onload' to='x'/><g/>", "<g/>"),
        ("<rect fill='url(https://evil.example/p.svg#a)'/>", "<rect/>"),
        ("<rect style='fill:url(//evil.example/p)'/>", "<rect/>"),
        ("<rect style='fill:u\\72l(https:x)'/>", "<rect/>"),
        ("<rect fill='u\\72l(//evil.example)'/>", "<rect/>"),
        ("<rect style='background:url( \" java\tscript:x\")'/>", "<rect/>"),
        ("<style>@import 'https://evil.example/a.css';</style><g/>", "<style/><g/>"),
        ("<style>@im/**/port url(#a)</style><g/>", "<style/><g/>"),
        ("<style>a{fill:url('x.svg')}</style><g/>", "<style/><g/>"),
        ("<style><![CDATA[</style><script>]]></style><g/>", "<style/><g/>"),
        ("<style>a{background:image-set('x' 1x)}</style><g/>", "<style/><g/>"),
        ("<iframe src='https://evil.example'/><g/>", "<g/>"),
        ("<?xml-stylesheet href='https://evil.example/a.css'?><g/>", "<g/>"),
        ("<g xml:base='https://evil.example/'/>", "<g/>"),
        ("<text>&lt;script&gt;</text>", "<text>&lt;script&gt;</text>"),
        ("<g id='\"&gt;&lt;script&gt;'/>", "<g id='\"&gt;&lt;script&gt;'/>"),
    ],
)
def test_what_acts_or_reaches_out_is_taken_away(harmful: str, left: str) -> None:
    """The shapes around it stay."""
    assert body(harmful) == left


def test_what_was_taken_away_is_reported() -> None:
    """By name and number; what nobody sees goes without a word."""
    found = cleaned("<script/><script/><g onload='x'/><metadata/><!-- note --><image href='http://x'/>")
    assert found.removed == ("href x1", "onload x1", "script x2")


@pytest.mark.parametrize(
    "harmless",
    [
        '<defs><linearGradient id="a"><stop offset="1"/></linearGradient></defs><rect fill="url(#a)"/>',
        '<use href="#a"/>',
        '<use xlink:href="#a"/>',
        '<text xml:space="preserve">  two  words </text>',
        '<style>.a{fill:red;clip-path:url(#c)}</style><path class="a" style="stroke:url(#b)"/>',
        '<animate attributeName="opacity" from="0" to="1" dur="1s"/>',
        '<title>A &amp; B</title><filter id="f"><feGaussianBlur stdDeviation="2"/></filter>',
        f'<image href="data:image/png;base64,{b64encode(b"picture").decode()}"/>',
        '<g fill="none" transform="translate(1 2)" aria-label="x"/>',
    ],
)
def test_what_is_harmless_stays_letter_by_letter(harmless: str) -> None:
    """Gradients, styles, animations, text and embedded pictures."""
    assert body(harmless) == harmless
    assert cleaned(harmless).removed == ()


def test_an_embedded_file_that_is_no_picture_goes() -> None:
    """So does a picture with more pixels than are decoded."""
    assert body(f"<image href='data:image/png;base64,{b64encode(b'bomb').decode()}'/>") == "<image/>"


def test_what_editors_leave_behind_goes() -> None:
    """Their elements, attributes and namespaces, comments, blank space, versions and the document type."""
    noisy = """<?xml version="1.0" encoding="UTF-8"?><!-- Generator -->
    <!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
    <svg version="1.1" xmlns="http://www.w3.org/2000/svg" xmlns:i="http://www.inkscape.org/namespaces/inkscape"
      viewBox="0 0 10 10">
      <i:view i:zoom="1"/> <metadata>who</metadata>
      <g i:label="Layer 1">
        <path d="M 0.500, 1.0  L 10 -5 Z"/>
      </g>
    </svg>"""
    assert clean(noisy.encode(), lambda _: False).svg == (
        b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><g><path d="M.5 1L10-5Z"/></g></svg>'
    )


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("M 10.50 , 0.25 L -1.0,-0.0", "M10.5 .25L-1-0"),
        ("M1e-3 2.0", "M1e-3 2"),
        ("a 1 1 0 0 1 0.50 0.50", "a1 1 0 0 1 0.50 0.50"),
        ("a1 1 0 010.5 1", "a1 1 0 010.5 1"),
        (" 0,0 1.50,2 ", "0 0 1.5 2"),
        ("M.5.50", "M.5.5"),
        ("M0.5.5", "M.5.5"),
        ("M100.0 20.", "M100 20."),
    ],
)
def test_numbers_keep_their_value(path: str, short: str) -> None:
    """Where arcs are, digits stay as they are, since flags may lean on them."""
    assert shortened(path) == short


def test_a_million_digits_do_not_hang_the_writer() -> None:
    """Each is looked at once, wherever a number might begin."""
    digits = "9" * 1_000_000
    assert shortened(f"M{digits} 0.50") == f"M{digits} .5"


def test_cleaning_twice_changes_nothing() -> None:
    """What was written is what would be written again."""
    once = cleaned("<g id='a'> <text> x </text><path d='M 1 2 a 1 1 0 0 1 3 4'/><use xlink:href='#a2'/></g>").svg
    assert clean(once, lambda _: False).svg == once
    assert not re.search(rb">\s+<(?!/?text)", once)
