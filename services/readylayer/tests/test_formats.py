"""First bytes decide what is opened; everything else is named in its refusal."""

import struct
import zlib

import pytest
import pyvips

from jobforge.readylayer.formats import described, is_animated_png, is_whole_gif, source_format


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif", "gif", "tiff"])
def test_what_encoders_write_is_recognised(scene: pyvips.Image, kind: str) -> None:
    """Each format that is taken is told by its own bytes."""
    suffix = {"jpeg": ".jpg", "tiff": ".tif"}.get(kind, f".{kind}")
    assert source_format(scene.write_to_buffer(suffix)) == kind


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7\n", "PDF"),
        (b"\xef\xbb\xbf  <?xml version='1.0'?><rss/>", "XML other than SVG"),
        (b"<!doctype html><svg/>", "HTML"),
        (b"\n<html><svg/></html>", "HTML"),
        (b"\x1f\x8b\x08\x00", "gzip; an SVGZ is taken unpacked, as SVG"),
        (b"BM" + bytes(60), "BMP"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "HEIC"),
        (b"# vips\n", "an unknown type"),
        (b"1,2,3\n4,5,6\n", "an unknown type"),
        (b"", "an unknown type"),
    ],
)
def test_what_is_not_opened_is_named(data: bytes, name: str) -> None:
    """Text, vector and foreign formats are not sources, and the refusal says what they are."""
    assert source_format(data) is None
    assert described(data) == name


@pytest.mark.parametrize(
    "data",
    [
        b"<svg/>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xef\xbb\xbf  <?xml version='1.0'?><svg/>",
        b"<!-- drawing --><svg\n width='1'/>",
        b"<!DOCTYPE svg PUBLIC 'a' 'b'><s:svg xmlns:s='http://www.w3.org/2000/svg'/>",
    ],
)
def test_a_drawing_is_told_by_its_root(data: bytes) -> None:
    """Whatever comes before it."""
    assert source_format(data) == "svg"


def test_animation_is_announced_before_the_pixels_of_a_png() -> None:
    """An ``acTL`` chunk before ``IDAT`` makes an animation; one after it, or a cut file, does not."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))

    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13))
    assert is_animated_png(start + chunk(b"acTL", bytes(8)) + chunk(b"IDAT", b""))
    assert not is_animated_png(start + chunk(b"IDAT", b"") + chunk(b"acTL", bytes(8)))
    assert not is_animated_png(start[:20])


def test_a_gif_is_whole_when_its_blocks_reach_the_trailer(scene: pyvips.Image) -> None:
    """Whatever comes behind it; wherever it is cut, it is not."""
    data = scene.gifsave_buffer()
    assert is_whole_gif(data)
    assert is_whole_gif(data + b"\r\nmore")
    assert not any(is_whole_gif(data[:cut]) for cut in (0, 12, 20, len(data) // 2, len(data) - 1))
    assert not is_whole_gif(b"GIF89a" + b"\x13\x37" * 200)
