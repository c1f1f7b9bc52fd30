"""A drawing in pixels is what its cleaned file shows, and nothing in it opens more than a picture could."""

import struct
import zlib
from base64 import b64encode

import pytest
import pyvips

from jobforge.readylayer.errors import TooLarge, Unreadable
from jobforge.readylayer.pictures import inspect, resize

MAX_PIXELS = 1_000_000


def drawn(svg: str, width: int = 100) -> pyvips.Image:
    return pyvips.Image.pngload_buffer(resize(svg.encode(), width, max_pixels=MAX_PIXELS).png)


@pytest.mark.parametrize("width", [1, 7, 99, 640])
def test_the_width_is_exactly_the_one_asked_for(width: int) -> None:
    """Whatever size the drawing gives itself."""
    for size in ('viewBox="0 0 30 20"', 'width="3in" height="2in"', 'width="30000" height="20000"'):
        image = drawn(f'<svg xmlns="http://www.w3.org/2000/svg" {size}><rect width="9" height="9"/></svg>', width)
        assert image.width == width
        assert abs(image.height - max(1, round(width * 2 / 3))) <= 1


def test_cleaning_changes_no_pixel() -> None:
    """Curves, arcs, gradients, styles and text without a namespace look as before."""
    shapes = """
      <style>.a { fill : #22aa44 } </style>
      <linearGradient id="g"><stop offset="0" stop-color="red"/><stop offset="1.0" stop-color="blue"/></linearGradient>
      <path class="a" d="M 10.00,10.50 c 0.50 , 20 30 -10.0 40 20.250 Z"/>
      <path d="M 60 20 a 15.0 10 0 1 0 20.50 0.50 z" fill="url(#g)"/>
      <polygon points=" 5,60  20.0,90.50 45 , 70"/><a href="https://example.com"><circle cx="80" cy="80" r="9"/></a>"""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">{shapes}</svg>'.encode()
    cleaned = inspect(svg, max_pixels=MAX_PIXELS).drawing
    assert cleaned is not None
    pyvips.operation_block_set("VipsForeignLoadSvg", False)
    before = pyvips.Image.svgload_buffer(svg, scale=3)
    after = pyvips.Image.svgload_buffer(cleaned, scale=3)
    assert (before - after).abs().max() == 0
    assert before[3].max() == 255
    assert len(cleaned) < len(svg)


def test_a_drawing_without_a_size_is_unreadable() -> None:
    """The message says what to give it."""
    with pytest.raises(Unreadable, match="viewBox"):
        inspect(b"<svg/>", max_pixels=MAX_PIXELS)


def test_a_drawing_is_never_drawn_larger_than_pictures_may_be() -> None:
    """However narrow it is."""
    with pytest.raises(TooLarge, match="JOBFORGE_READYLAYER_MAX_PIXELS"):
        resize(b'<svg width="10" height="100000"><g/></svg>', 100, max_pixels=MAX_PIXELS)


def test_a_bomb_inside_a_drawing_is_not_opened() -> None:
    """An embedded picture obeys the limits of pictures; the rest is drawn."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10" fill="lime"/>'
        f'<image href="data:image/png;base64,{b64encode(bomb).decode()}" width="10" height="10"/></svg>'
    )
    assert inspect(svg.encode(), max_pixels=MAX_PIXELS).removed == ("href x1",)
    assert drawn(svg)(50, 50)[:3] == [0, 255, 0]


def test_many_pictures_in_a_drawing_count_together() -> None:
    """Ten that are each small enough are one that is too large."""
    red = pyvips.Image.black(500, 500, bands=3).copy(interpretation="srgb").pngsave_buffer()
    image = f'<image href="data:image/png;base64,{b64encode(red).decode()}"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">{image * 10}</svg>'
    assert inspect(svg.encode(), max_pixels=MAX_PIXELS).removed == ("href x6",)


def test_an_embedded_picture_is_drawn() -> None:
    """It needs nothing from outside."""
    red = pyvips.Image.black(4, 4, bands=3).linear([1, 1, 1], [255, 0, 0], uchar=True)
    red = red.copy(interpretation="srgb").pngsave_buffer()
    link = f"data:image/png;base64,{b64encode(red).decode()}"
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><image href="{link}" width="4" height="4"/></svg>'
    assert drawn(svg)(50, 50)[:3] == [255, 0, 0]
