"""What ReadyLayer's templates are given: the limits on what they open."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobforge.readylayer.confinement import DRAWING_TIME


class AssetLimits(BaseSettings):
    """How large an asset may be before it is refused unopened; ``JOBFORGE_READYLAYER_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="JOBFORGE_READYLAYER_", frozen=True, extra="ignore")

    max_pixels: int = Field(default=50_000_000, gt=0, description="Width times height, as the file's header says.")
    max_bytes: int = Field(default=64 * 1024 * 1024, gt=0, description="Size of the file.")
    drawing_time: int = Field(default=DRAWING_TIME, gt=0, description="Seconds of a processor to draw an SVG once.")
