"""The similarity that variants are held to is scikit-image's own."""

import numpy as np
import pytest
import pyvips
from skimage.metrics import structural_similarity

from jobforge.readylayer.similarity import Reference, ssim


@pytest.mark.parametrize("height", [7, 8, 63, 70, 71, 300])
def test_strips_give_the_value_of_the_whole_picture(height: int) -> None:
    """Whatever the height, the strips' mean is ``structural_similarity`` of the whole."""
    random = np.random.default_rng(height)
    a = random.integers(0, 256, (height, 31, 3), dtype=np.uint8)
    b = np.clip(a + random.normal(0, 30, a.shape), 0, 255).astype(np.uint8)
    whole = structural_similarity(a, b, channel_axis=2, data_range=255)  # type: ignore[no-untyped-call]  # it has no types
    assert ssim(a, b) == pytest.approx(whole, abs=1e-9)


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (40, 2)])
def test_pictures_smaller_than_the_window_are_compared_too(shape: tuple[int, int]) -> None:
    """A picture of one pixel is like itself and unlike another."""
    dark, light = np.zeros((*shape, 3), np.uint8), np.full((*shape, 3), 200, np.uint8)
    assert ssim(dark, dark) == pytest.approx(1.0)
    assert ssim(dark, light) < 0.1


def test_white_on_transparent_is_not_like_nothing() -> None:
    """On white alone a white drawing would vanish, and any file would do."""
    alpha = np.zeros((64, 64, 1), np.uint8)
    alpha[16:48, 16:48] = 255
    drawing = pyvips.Image.new_from_array(
        np.dstack([np.full((64, 64, 3), 255, np.uint8), alpha]), interpretation="srgb"
    )
    empty = drawing.copy_memory() * [1, 1, 1, 0]
    assert Reference(drawing).ssim(drawing.pngsave_buffer()) == pytest.approx(1.0)
    assert Reference(drawing).ssim(empty.cast("uchar").copy(interpretation="srgb").pngsave_buffer()) < 0.9
