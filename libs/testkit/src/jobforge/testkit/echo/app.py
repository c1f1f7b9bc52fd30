"""The app of the echo domain, as small as a domain's app can be."""

from faststream.asgi import AsgiFastStream

from jobforge.chassis.settings import Settings
from jobforge.execution.domain import create_domain_app


def create_app(settings: Settings | None = None) -> AsgiFastStream:
    """The echo service; without settings they come from the environment."""
    return create_domain_app("echo", settings or Settings(), package="jobforge.testkit.echo")
