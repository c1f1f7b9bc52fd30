"""The Settler service: one factory, started by uvicorn."""

from collections.abc import Iterable

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.chassis.settings import Settings
from jobforge.execution.domain import ASGIApp, create_domain_app
from jobforge.settler.notifying.post_office import DeliverySettings, PostOffice
from jobforge.settler.tools import DocumentLimits, Documents


def create_app(settings: Settings | None = None) -> ASGIApp:
    """The service as an ASGI app; reads the environment now, opens connections when it starts."""
    return create_domain_app("settler", settings or Settings(), tools=settler_tools)


def settler_tools(settings: Settings) -> Iterable[object]:
    """What Settler's templates may ask for."""
    return [Documents(DocumentLimits()), PostOffice(DeliverySettings(), ArtifactStore(settings.artifacts_url))]
