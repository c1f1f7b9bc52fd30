"""What autopilot's templates are given."""

from collections.abc import Iterable

from jobforge.chassis.settings import Settings


def autopilot_tools(settings: Settings) -> Iterable[object]:
    """What the templates may ask for; nothing is opened before it is used."""
    return []
