"""A variant is the smallest file that reaches its target, in the format it was ordered in."""

import numpy as np
import pytest
import pyvips
from skimage.metrics import structural_similarity

from jobforge.readylayer.encoders import lossy
from jobforge.readylayer.formats import TARGET_FORMATS, TargetFormat, source_format
from jobforge.readylayer.pictures import lossless_png
from jobforge.readylayer.similarity import Reference
from jobforge.readylayer.variants import Order, make


@pytest.mark.parametrize("target", TARGET_FORMATS)
def test_the_target_is_reached_by_scikit_images_own_measure(photograph: bytes, target: TargetFormat) -> None:
    """What is reported is what anybody measures from the written file."""
    trial = make(photograph, Order(target, None, 0.95))
    original = pyvips.Image.new_from_buffer(photograph, "").numpy()
    written = pyvips.Image.new_from_buffer(trial.data, "").colourspace("srgb").numpy()
    measured = structural_similarity(  # type: ignore[no-untyped-call]  # it has no types
        original, written, channel_axis=2, data_range=255
    )
    assert source_format(trial.data) == target
    assert trial.ssim == pytest.approx(measured, abs=1e-9)
    assert measured >= 0.95


@pytest.mark.parametrize(("target", "saved"), [("webp", 0.85), ("avif", 0.87)])
def test_photographs_shrink_as_promised(photograph: bytes, target: TargetFormat, saved: float) -> None:
    """At the default target, against a lossless PNG of the same pixels."""
    png = lossless_png(pyvips.Image.new_from_buffer(photograph, ""))
    assert 1 - len(make(png, Order(target, None, 0.95)).data) / len(png) >= saved


@pytest.mark.parametrize("target", ["webp", "avif", "jpeg"])
def test_a_lower_target_gives_a_smaller_file(photograph: bytes, target: TargetFormat) -> None:
    """Similarity is what bytes buy."""
    sizes = [len(make(photograph, Order(target, None, ssim)).data) for ssim in (0.85, 0.92, 0.97)]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("target", ["webp", "avif", "png"])
def test_a_target_of_one_gives_a_lossless_file(scene: pyvips.Image, target: TargetFormat) -> None:
    """Formats that can be lossless reach any target."""
    trial = make(scene.pngsave_buffer(), Order(target, None, 1.0))
    assert trial.ssim == pytest.approx(1.0)
    assert (pyvips.Image.new_from_buffer(trial.data, "") - scene).abs().max() == 0


def test_a_target_that_jpeg_cannot_reach_gives_its_best(scene: pyvips.Image) -> None:
    """The most similar file is kept, and it says that it missed."""
    trial = make(scene.pngsave_buffer(), Order("jpeg", None, 1.0))
    assert not trial.reaches(1.0)
    assert trial.quality == 100


@pytest.mark.parametrize("target", TARGET_FORMATS)
def test_alpha_is_kept_where_the_format_can(scene: pyvips.Image, target: TargetFormat) -> None:
    """WebP, AVIF and PNG stay transparent; JPEG shows the picture on white."""
    fading = scene.bandjoin(pyvips.Image.xyz(160, 120)[0] * 1.6).cast("uchar").copy(interpretation="srgb")
    trial = make(fading.pngsave_buffer(), Order(target, None, 0.95))
    written = pyvips.Image.new_from_buffer(trial.data, "")
    assert trial.ssim >= 0.95
    assert written.hasalpha() == (target != "jpeg")
    if target == "jpeg":
        assert min(written(0, 100)) > 245
    else:
        assert written(0, 100)[3] < 15 < 230 < written(159, 100)[3]


def test_a_flat_drawing_becomes_a_palette() -> None:
    """A few colours need neither 24 bits nor any loss."""
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[40:160, 60:240] = (20, 90, 200)
    pixels[80:120, 100:200] = (255, 230, 0)
    png = lossless_png(pyvips.Image.new_from_array(pixels, interpretation="srgb"))
    trial = make(png, Order("png", None, 1.0))
    assert trial.ssim == pytest.approx(1.0)
    assert len(trial.data) < len(png)


def test_noise_is_written_although_its_target_costs_much() -> None:
    """Nothing is similar to noise but nearly all of it; the search still ends with a file that is."""
    noise = np.random.default_rng(1).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    png = pyvips.Image.new_from_array(noise, interpretation="srgb").pngsave_buffer()
    for target in TARGET_FORMATS:
        assert make(png, Order(target, None, 0.9)).ssim >= 0.9


@pytest.mark.parametrize("target", TARGET_FORMATS)
def test_a_given_quality_is_used_as_it_is(photograph: bytes, target: TargetFormat) -> None:
    """No search: a higher number is a larger, more similar file, and its similarity is reported."""
    low, high = (make(photograph, Order(target, quality, 0.95)) for quality in (20, 90))
    assert (low.quality, high.quality) == (20, 90)
    assert len(low.data) <= len(high.data)
    assert low.ssim <= high.ssim
    assert Reference(pyvips.Image.new_from_buffer(photograph, "")).ssim(low.data) == pytest.approx(low.ssim)


def test_a_large_picture_is_sampled_first_and_still_reaches_the_target(
    photograph: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the size where whole trials cost too much, a sample finds the neighbourhood; the whole file decides."""
    monkeypatch.setattr("jobforge.readylayer.encoders.MEDIUM", 10_000)
    monkeypatch.setattr("jobforge.readylayer.encoders.LARGE", 20_000)
    monkeypatch.setattr("jobforge.readylayer.variants._SAMPLED", 20_000)
    monkeypatch.setattr("jobforge.readylayer.variants._TILE", 48)
    for target in TARGET_FORMATS:
        assert make(photograph, Order(target, None, 0.95)).ssim >= 0.95


def test_every_written_file_is_free_of_metadata(photograph: bytes) -> None:
    """Neither EXIF nor XMP nor a profile."""
    for target in TARGET_FORMATS:
        fields = pyvips.Image.new_from_buffer(make(photograph, Order(target, 70, 0.95)).data, "").get_fields()
        assert {"exif-data", "xmp-data", "icc-profile-data", "iptc-data"}.isdisjoint(fields)


def test_qualities_of_one_level_are_one_file(scene: pyvips.Image) -> None:
    """AV1 has 64 quantisers for 100 qualities; the search takes a level for tried once one of its qualities was."""
    (avif,) = lossy(scene, "avif", pixels=scene.width * scene.height)
    for quality in range(45, 64):
        same = avif.write(quality) == avif.write(quality + 1)
        assert same == (avif.level(quality) == avif.level(quality + 1))
