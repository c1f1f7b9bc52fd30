"""The ReadyLayer service: one factory, started by uvicorn."""

from collections.abc import Iterable

from jobforge.chassis.settings import Settings
from jobforge.execution.domain import ASGIApp, create_domain_app
from jobforge.readylayer.purging.caches import CacheSettings
from jobforge.readylayer.purging.purger import Purger
from jobforge.readylayer.tools import AssetLimits


def create_app(settings: Settings | None = None) -> ASGIApp:
    """The service as an ASGI app; reads the environment now, opens connections when it starts."""
    return create_domain_app("readylayer", settings or Settings(), tools=readylayer_tools)


def readylayer_tools(settings: Settings) -> Iterable[object]:
    """What ReadyLayer's templates may ask for."""
    return [AssetLimits(), Purger(CacheSettings())]
