"""What autopilot's templates are given."""

from collections.abc import Iterable

from jobforge.autopilot.diagnosing.runs import Runs
from jobforge.autopilot.drafting.knowledge import Knowledge
from jobforge.autopilot.drafting.model import Model, ModelSettings
from jobforge.autopilot.plane import PlaneSettings
from jobforge.autopilot.scanning.browser import BrowserSettings, browser_of
from jobforge.autopilot.scanning.history import History
from jobforge.autopilot.scanning.observing import Scanner
from jobforge.autopilot.scanning.targets import TargetSettings, targets_of
from jobforge.chassis.settings import Settings


def autopilot_tools(settings: Settings) -> Iterable[object]:
    """What the templates may ask for; reads the targets' file now, and opens nothing else before it is used."""
    scanning = TargetSettings()
    plane = PlaneSettings()
    return [
        Scanner(targets_of(scanning), authorities=scanning.autopilot_ca_file, browser=browser_of(BrowserSettings())),
        History(settings.artifacts_url),
        Knowledge(plane),
        Runs(plane),
        Model(ModelSettings()),
    ]
