"""The autopilot service: one factory, started by uvicorn."""

from jobforge.autopilot.tools import autopilot_tools
from jobforge.chassis.settings import Settings
from jobforge.execution.domain import ASGIApp, create_domain_app


def create_app(settings: Settings | None = None) -> ASGIApp:
    """The service as an ASGI app; reads the environment now, opens connections when it starts."""
    return create_domain_app("autopilot", settings or Settings(), tools=autopilot_tools)
