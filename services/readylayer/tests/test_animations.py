"""An animation stays one: its frames, their times and its rounds, in fewer bytes."""

from io import BytesIO

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageDraw

from jobforge.readylayer.animations import lined_up, moving
from jobforge.readylayer.errors import TooLarge, Unreadable
from jobforge.readylayer.pictures import inspect, resize
from jobforge.readylayer.pixels import Motion
from jobforge.readylayer.variants import Order, make

MAX_PIXELS = 1_000_000
DELAYS = [50, 100, 150, 200, 70, 80]


def gif(frames: list[Image.Image], delays: list[int], loop: int = 0) -> bytes:
    file = BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=delays, loop=loop)
    return file.getvalue()


def ball(number: int, size: tuple[int, int] = (120, 80)) -> Image.Image:
    image = Image.new("RGB", size, "navy")
    ImageDraw.Draw(image).ellipse((number * 15, 20, number * 15 + 30, 50), fill="orange")
    return image


@pytest.fixture
def bouncing() -> bytes:
    return gif([ball(number) for number in range(6)], DELAYS)


def written(data: bytes, width: int, quality: int | None = None) -> tuple[pyvips.Image, float, bytes]:
    resized = resize(data, width, max_pixels=MAX_PIXELS)
    trial = make(resized.png, Order("webp", quality, 0.95, resized.motion))
    return pyvips.Image.new_from_buffer(trial.data, "[n=-1]"), trial.ssim, trial.data


def test_frames_times_and_rounds_are_kept(bouncing: bytes) -> None:
    """And each frame shows what it showed."""
    image, ssim, _ = written(bouncing, 60)
    assert (image.width, image.get("page-height"), image.get("n-pages")) == (60, 40, 6)
    assert image.get("delay") == DELAYS
    assert image.get("loop") == 0
    assert ssim >= 0.95
    for number, frame in enumerate(image.pagesplit()):
        red, _, blue = frame(number * 7.5 + 7.5, 17.5)[:3]
        assert red > blue + 100, number


def test_an_animation_of_the_same_size_has_fewer_bytes(bouncing: bytes) -> None:
    """Also one of few colours, which is what GIF is made for."""
    assert len(written(bouncing, 120)[2]) < 0.7 * len(bouncing)


def test_an_animation_that_ends_still_ends() -> None:
    """Played as often as the GIF says; a GIF counts the rounds after the first."""
    image, _, _ = written(gif([ball(0), ball(3)], [40, 40], loop=2), 60)
    assert image.get("loop") == 3


def test_frames_that_change_nothing_do_not_upset_the_comparison() -> None:
    """Encoders leave them out and show the one before for longer."""
    frames = [ball(0), ball(0), ball(1), ball(1), ball(1), ball(5)]
    noise = np.random.default_rng(3)
    kept = [Image.fromarray(np.asarray(f) ^ noise.integers(0, 2, (80, 120, 3), np.uint8)) for f in frames]
    for quality in (1, 30, None):
        image, ssim, _ = written(gif(kept, [40] * 6), 120, quality)
        assert sum(image.get("delay")) == 240
        assert ssim > 0.5


def test_a_written_frame_stands_for_all_those_that_it_covers() -> None:
    """Lined up by time, not by number."""
    shades = [pyvips.Image.black(8, 8) + shade for shade in (10, 20, 30)]
    strip = pyvips.Image.arrayjoin(shades, across=1).cast("uchar")
    two = moving(strip.crop(0, 0, 8, 16), Motion((100, 50), 0))
    seen = lined_up(two, Motion((50, 50, 50), 0))
    assert [seen(4, row)[0] for row in (4, 12, 20)] == [10, 10, 20]


def test_no_frame_bleeds_into_the_next() -> None:
    """Each is made smaller by itself."""
    frames = [Image.new("RGB", (64, 63), colour) for colour in ("black", "white", "black")]
    resized = resize(gif(frames, [40, 40, 40]), 20, max_pixels=MAX_PIXELS)
    strip = pyvips.Image.pngload_buffer(resized.png)
    edges = [strip(10, row)[0] for row in (0, resized.height - 1, resized.height, 2 * resized.height - 1)]
    assert edges == [0, 0, 255, 255]


def test_a_transparent_animation_stays_transparent() -> None:
    """On whatever page it lies."""
    frames = []
    for number in range(3):
        image = Image.new("RGBA", (60, 60), (0, 0, 0, 0))
        ImageDraw.Draw(image).rectangle((number * 10, 10, number * 10 + 20, 30), fill=(255, 0, 0, 255))
        frames.append(image)
    file = BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=60, loop=0, disposal=2)
    image, ssim, _ = written(file.getvalue(), 60)
    assert image(50, 50)[3] == 0
    assert ssim >= 0.95


def test_an_animated_webp_is_taken_too() -> None:
    """As GIF is."""
    file = BytesIO()
    frames = [ball(number) for number in range(4)]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], duration=[30, 60, 90, 120])
    asset = inspect(file.getvalue(), max_pixels=MAX_PIXELS)
    assert (asset.format, asset.frames, asset.height) == ("webp", 4, 80)
    assert written(file.getvalue(), 60)[0].get("delay") == [30, 60, 90, 120]


def test_an_animation_is_as_large_as_all_its_frames(bouncing: bytes) -> None:
    """A small file of many frames is a bomb like any other."""
    with pytest.raises(TooLarge, match="all frames counted"):
        inspect(bouncing, max_pixels=120 * 80 * 6 - 1)
    many = gif([Image.new("RGB", (2, 2), "white" if number % 2 else "black") for number in range(2_001)], [20] * 2_001)
    with pytest.raises(TooLarge, match="2001 frames"):
        inspect(many, max_pixels=MAX_PIXELS)


def test_an_animation_cut_short_is_unreadable(bouncing: bytes) -> None:
    """Never one with its end missing."""
    with pytest.raises(Unreadable):
        resize(bouncing[: len(bouncing) // 2], 60, max_pixels=MAX_PIXELS)
