"""The steps of an optimisation that run in a child process; what decodes pixels is imported there, and only there."""

from importlib.metadata import version

from jobforge.readylayer.confinement import DRAWING_TIME, confined
from jobforge.readylayer.formats import TargetFormat
from jobforge.readylayer.pixels import Asset, Encoded, Motion, Resized


def inspect_asset(data: bytes, max_pixels: int, drawing_time: int = DRAWING_TIME) -> Asset:
    """What the asset's header says; raises as ``pictures.inspect`` does."""
    with confined():
        from jobforge.readylayer.pictures import inspect

        return inspect(data, max_pixels=max_pixels, drawing_time=drawing_time)


def resize_asset(data: bytes, width: int, max_pixels: int, drawing_time: int = DRAWING_TIME) -> Resized:
    """The asset at ``width`` pixels; raises as ``pictures.resize`` does."""
    with confined():
        from jobforge.readylayer.pictures import resize

        return resize(data, width, max_pixels=max_pixels, drawing_time=drawing_time)


def encode_variant(
    png: bytes, target: TargetFormat, quality: int | None, target_ssim: float, motion: Motion | None = None
) -> Encoded:
    """One variant of a resized picture: of that quality, else the smallest that reaches ``target_ssim``."""
    with confined():
        from jobforge.readylayer.variants import Order, make

        trial = make(png, Order(target, quality, target_ssim, motion))
        return Encoded(trial.data, trial.quality, trial.ssim)


def library_versions() -> dict[str, str]:
    """The versions of what decodes, encodes and compares."""
    with confined():
        import pyvips

        libvips = ".".join(str(pyvips.version(part)) for part in range(3))
        return {"libvips": libvips, "pyvips": version("pyvips"), "scikit-image": version("scikit-image")}
