"""What autopilot's templates are given."""

from collections.abc import Iterable

from jobforge.autopilot.drafting.knowledge import Knowledge, PlaneSettings
from jobforge.autopilot.drafting.model import Model, ModelSettings
from jobforge.chassis.settings import Settings


def autopilot_tools(settings: Settings) -> Iterable[object]:
    """What the templates may ask for; nothing is opened before it is used."""
    return [Knowledge(PlaneSettings()), Model(ModelSettings())]
