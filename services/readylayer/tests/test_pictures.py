"""Whatever comes in leaves upright, in 8-bit sRGB and without metadata, or is refused by name."""

import struct
import zlib

import pytest
import pyvips

from jobforge.readylayer.errors import Animated, Empty, TooLarge, Unreadable, UnsupportedType
from jobforge.readylayer.pictures import inspect, resize
from jobforge.readylayer.pixels import Asset

MAX_PIXELS = 1_000_000


def turned(image: pyvips.Image, orientation: int) -> bytes:
    """A JPEG stored as the camera held it, whose EXIF orientation says how to turn it."""
    back = {3: "rot180", 6: "rot270", 8: "rot90"}[orientation]
    stored = getattr(image, back)().copy()
    stored.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    data: bytes = stored.jpegsave_buffer(Q=95)
    return data


def result(data: bytes, width: int = 80) -> pyvips.Image:
    return pyvips.Image.pngload_buffer(resize(data, width, max_pixels=MAX_PIXELS).png)


def assert_looks_like_the_scene(image: pyvips.Image) -> None:
    """The white corner is at the top left, the red is left and the blue is right, within what CMYK and JPEG lose."""
    assert (image.width, image.height, image.format, image.interpretation) == (80, 60, "uchar", "srgb")
    assert min(image(5, 5)) > 235
    red, _, blue = image(5, 55)[:3]
    assert red > blue + 80
    red, _, blue = image(75, 55)[:3]
    assert blue > red + 30


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_the_orientation_of_a_camera_is_honoured(scene: pyvips.Image, orientation: int) -> None:
    """Width, height and pixels are those of the picture as it is shown."""
    data = turned(scene, orientation)
    assert inspect(data, max_pixels=MAX_PIXELS) == Asset(160, 120, "jpeg")
    assert_looks_like_the_scene(result(data))


def test_cmyk_becomes_srgb(scene: pyvips.Image) -> None:
    """A print shop's JPEG, with its profile or without one, looks the same on a screen."""
    cmyk = scene.icc_transform("cmyk", input_profile="srgb")
    for keep in ("icc", "none"):
        assert_looks_like_the_scene(result(cmyk.jpegsave_buffer(Q=95, keep=keep)))


def test_an_embedded_profile_is_applied(scene: pyvips.Image) -> None:
    """Pixels in Display P3 are converted by their profile, not taken for sRGB."""
    wide = scene.icc_transform("p3", input_profile="srgb")
    plain = result(scene.pngsave_buffer())
    converted, ignored = result(wide.pngsave_buffer()), result(wide.pngsave_buffer(keep="none"))
    assert (converted - plain).abs().avg() < 1.5
    assert (ignored - plain).abs().avg() > 2 * (converted - plain).abs().avg()


def test_sixteen_bits_become_eight(scene: pyvips.Image) -> None:
    """16-bit PNG and TIFF keep their look."""
    deep = scene.colourspace("rgb16")
    assert_looks_like_the_scene(result(deep.pngsave_buffer()))
    assert_looks_like_the_scene(result(deep.tiffsave_buffer()))


def test_grey_pictures_are_taken(scene: pyvips.Image) -> None:
    """One channel, with and without alpha."""
    grey = scene.colourspace("b-w")
    assert result(grey.pngsave_buffer()).bands == 3
    assert result(grey.bandjoin(100).pngsave_buffer()).hasalpha()


def test_metadata_is_left_behind(scene: pyvips.Image) -> None:
    """Neither EXIF with its places and names nor the profile reaches a variant."""
    tagged = scene.copy()
    tagged.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Artist", "MARKER-of-a-person")
    data = tagged.jpegsave_buffer(Q=90, profile="p3")
    assert b"MARKER" in data
    png = resize(data, 80, max_pixels=MAX_PIXELS).png
    assert b"MARKER" not in png
    assert {"exif-data", "icc-profile-data"}.isdisjoint(pyvips.Image.pngload_buffer(png).get_fields())


def test_alpha_is_kept_only_where_it_hides_something(scene: pyvips.Image) -> None:
    """A channel that is opaque everywhere costs bytes and says nothing."""
    assert result(scene.bandjoin(128).pngsave_buffer()).hasalpha()
    assert not result(scene.bandjoin(255).pngsave_buffer()).hasalpha()


@pytest.mark.parametrize("width", [1, 7, 33, 79, 159, 160])
def test_the_width_is_exactly_the_one_asked_for(scene: pyvips.Image, width: int) -> None:
    """Rounding moves the height, never the width."""
    resized = resize(scene.pngsave_buffer(), width, max_pixels=MAX_PIXELS)
    assert (resized.width, resized.height) == (width, max(1, round(width * 0.75)))


def test_pages_are_refused(scene: pyvips.Image) -> None:
    """A TIFF with pages: which one to take would be a guess."""
    strip = pyvips.Image.arrayjoin([scene, scene.invert(), scene], across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", scene.height)
    with pytest.raises(Animated, match="3 pages"):
        inspect(strip.write_to_buffer(".tif"), max_pixels=MAX_PIXELS)


def test_an_animated_png_is_refused(scene: pyvips.Image) -> None:
    """Its decoder would show the first frame and say nothing."""
    data = scene.pngsave_buffer()
    body = struct.pack(">II", 2, 0)
    control = struct.pack(">I4s", 8, b"acTL") + body + struct.pack(">I", zlib.crc32(b"acTL" + body))
    with pytest.raises(Animated):
        inspect(data[:33] + control + data[33:], max_pixels=MAX_PIXELS)


def bomb(width: int, height: int) -> bytes:
    """A PNG of 70 bytes whose header claims any size; its pixels are missing, so decoding it would fail."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(1001, 1000), (60_000, 60_000), (1_000_000, 2)])
def test_a_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    """Too many pixels are refused unread: these files have none, and decoding would say ``asset.unreadable``."""
    for step in (
        lambda data: inspect(data, max_pixels=MAX_PIXELS),
        lambda data: resize(data, 8, max_pixels=MAX_PIXELS),
    ):
        with pytest.raises(TooLarge, match="JOBFORGE_READYLAYER_MAX_PIXELS"):
            step(bomb(*size))


def test_a_jpeg_bomb_is_refused_by_its_header(scene: pyvips.Image) -> None:
    """A JPEG whose frame header was raised to 65,500 x 65,500."""
    data = bytearray(scene.jpegsave_buffer())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 65500, 65500)
    with pytest.raises(TooLarge):
        inspect(bytes(data), max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".gif", ".tif"])
def test_a_file_cut_short_is_unreadable(scene: pyvips.Image, suffix: str) -> None:
    """Half a picture is an error, never a variant with a grey half."""
    data = scene.write_to_buffer(suffix)
    with pytest.raises(Unreadable):
        resize(data[: len(data) // 2], 80, max_pixels=MAX_PIXELS)


@pytest.mark.parametrize(
    "start", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\x00", b"RIFF\x10\x00\x00\x00WEBP"]
)
def test_noise_behind_a_known_start_is_unreadable(start: bytes) -> None:
    """The right first bytes are not enough."""
    with pytest.raises(Unreadable):
        inspect(start + b"\x13\x37" * 200, max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("data", [b"<html><svg/></html>", b"%PDF-1.4", b"hello", b"\x1f\x8b\x08"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    """Documents, archives and text never reach a decoder."""
    with pytest.raises(UnsupportedType, match="JPEG, PNG, WebP, AVIF, GIF, TIFF and SVG"):
        inspect(data, max_pixels=MAX_PIXELS)


def test_an_empty_file_is_refused_by_name() -> None:
    """Its upload went wrong, not its format."""
    with pytest.raises(Empty, match="upload it again"):
        inspect(b"", max_pixels=MAX_PIXELS)
