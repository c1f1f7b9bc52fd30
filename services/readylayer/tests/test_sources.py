"""Files as other programs write them come out upright, in the right colours and with nothing said about their maker."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from jobforge.readylayer.pictures import inspect, resize
from jobforge.readylayer.pixels import Asset
from jobforge.readylayer.variants import Order, make

MAX_PIXELS = 1_000_000
WIDTH, HEIGHT = 120, 80
UNDONE: dict[int, list[Image.Transpose]] = {
    1: [],
    2: [Image.Transpose.FLIP_LEFT_RIGHT],
    3: [Image.Transpose.ROTATE_180],
    4: [Image.Transpose.FLIP_TOP_BOTTOM],
    5: [Image.Transpose.TRANSPOSE],
    6: [Image.Transpose.ROTATE_90],
    7: [Image.Transpose.TRANSVERSE],
    8: [Image.Transpose.ROTATE_270],
}
"""How a camera holds a picture that each EXIF orientation sets right."""


@pytest.fixture
def view() -> Image.Image:
    """Red at the top left, green at the top right, blue at the bottom left, grey at the bottom right."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (128, 128, 128))
    for box, colour in (((0, 0), (200, 30, 30)), ((60, 0), (30, 180, 40)), ((0, 40), (40, 50, 190))):
        image.paste(colour, (*box, box[0] + 60, box[1] + 40))
    return image


def file(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def assert_is_the_view(data: bytes, near: float = 12) -> None:
    """Size, place and colour of each quarter."""
    resized = resize(data, WIDTH, max_pixels=MAX_PIXELS)
    image = pyvips.Image.pngload_buffer(resized.png)
    assert (image.width, image.height, image.format, image.interpretation) == (WIDTH, HEIGHT, "uchar", "srgb")
    for (x, y), colour in {
        (30, 20): (200, 30, 30),
        (90, 20): (30, 180, 40),
        (30, 60): (40, 50, 190),
        (90, 60): (128, 128, 128),
    }.items():
        assert np.abs(np.subtract(image(x, y)[:3], colour)).max() <= near, (x, y, image(x, y), colour)


@pytest.mark.parametrize("orientation", UNDONE)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation_is_set_right_in_every_format_that_has_one(
    view: Image.Image, kind: str, orientation: int
) -> None:
    """All eight, mirrored ones too, wherever the format keeps its EXIF."""
    held = view
    for turn in UNDONE[orientation]:
        held = held.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = file(held, kind, exif=exif, **({"quality": 95} if kind != "PNG" else {}))
    assert_is_the_view(data, near=25)
    assert inspect(data, max_pixels=MAX_PIXELS) == Asset(WIDTH, HEIGHT, kind.lower())  # type: ignore[arg-type]


def test_where_and_by_whom_a_picture_was_taken_is_left_out_of_every_variant(view: Image.Image) -> None:
    """Place, name, device and comment; the orientation was applied and is gone too."""
    exif = Image.Exif()
    exif[0x013B], exif[0x0110], exif[0x0112] = "Ada Marker", "Marker Camera", 1
    exif.get_ifd(0x8825)[1] = "Marker North"
    xmp = b"<x:xmpmeta>Marker</x:xmpmeta>"
    data = file(view, "JPEG", exif=exif, comment=b"Marker", xmp=xmp)
    assert data.count(b"Marker") == 5
    png = resize(data, 64, max_pixels=MAX_PIXELS).png
    for target in ("webp", "avif", "jpeg", "png"):
        written = make(png, Order(target, 80, 0.95)).data
        assert b"Marker" not in written
        assert b"Exif" not in written


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_four_inks_become_three_lights(view: Image.Image, kind: str) -> None:
    """CMYK as Pillow turns it, inverted in JPEG as Adobe has it; without a profile a press's stock one is taken."""
    data = file(view.convert("CMYK"), kind, **({"quality": 95} if kind == "JPEG" else {}))
    image = pyvips.Image.pngload_buffer(resize(data, WIDTH, max_pixels=MAX_PIXELS).png)
    assert (image.bands, image.interpretation) == (3, "srgb")
    for (x, y), strongest in {(30, 20): 0, (90, 20): 1, (30, 60): 2}.items():
        assert int(np.argmax(image(x, y))) == strongest
    assert np.ptp(image(90, 60)) < 40


def test_sixteen_bits_of_grey_keep_their_shades() -> None:
    """A scanner's PNG and TIFF: black stays black, white stays white, the middle is the middle."""
    ramp = np.tile(np.linspace(0, 65535, WIDTH).astype(np.uint16), (HEIGHT, 1))
    for kind in ("PNG", "TIFF"):
        image = pyvips.Image.pngload_buffer(resize(file(Image.fromarray(ramp), kind), WIDTH, max_pixels=MAX_PIXELS).png)
        assert image.format == "uchar"
        shades = [image(x, 40)[0] for x in (0, 60, WIDTH - 1)]
        assert np.abs(np.subtract(shades, (0, 128, 255))).max() <= 3


def test_sixteen_bits_of_colour_keep_their_colours(view: Image.Image) -> None:
    """As raw developers write them, with alpha or without."""
    deep = pyvips.Image.new_from_array(np.asarray(view).astype(np.uint16) * 257, interpretation="rgb16")
    for image in (deep, deep.bandjoin(65535)):
        assert_is_the_view(image.pngsave_buffer(), near=2)
        assert_is_the_view(image.tiffsave_buffer(), near=2)


def test_a_palette_with_one_transparent_colour_keeps_it(view: Image.Image) -> None:
    """Old GIFs and PNGs say so beside the palette."""
    for kind in ("GIF", "PNG"):
        data = file(view.quantize(8), kind, transparency=0)
        assert pyvips.Image.pngload_buffer(resize(data, 60, max_pixels=MAX_PIXELS).png).hasalpha()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_every_mode_of_a_png_is_taken(view: Image.Image, mode: str) -> None:
    """One bit to four channels."""
    image = pyvips.Image.pngload_buffer(resize(file(view.convert(mode), "PNG"), 60, max_pixels=MAX_PIXELS).png)
    assert (image.width, image.interpretation) == (60, "srgb")


def test_a_profile_that_says_srgb_changes_nothing(view: Image.Image) -> None:
    """Nor does a profile that is no profile: the picture is taken for sRGB."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert_is_the_view(file(view, "PNG", icc_profile=profile), near=3)
    assert_is_the_view(file(view, "PNG", icc_profile=b"no profile at all"), near=3)
