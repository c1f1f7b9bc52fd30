"""The keys service as an ASGI app."""

from jobforge.chassis.kafka import Kafka
from jobforge.chassis.settings import Settings
from jobforge.contracts.envelope import EventEnvelope
from jobforge.execution.domain import ASGIApp, create_domain_app
from jobforge.keys.feed import GROUP, TOPIC, UsageFeed
from jobforge.keys.tools import keys_tools
from jobforge.keys.usage_store import UsageStore


def create_app(settings: Settings | None = None) -> ASGIApp:
    """The service; without settings they come from the environment. Nothing is opened before its lifespan starts."""
    return create_domain_app("keys", settings or Settings(), tools=keys_tools, readers=read_usage)


def read_usage(kafka: Kafka, settings: Settings) -> None:
    """Let the feed read the keys app's events."""
    kafka.read(
        UsageFeed(UsageStore(settings.artifacts_url)),
        group=GROUP,
        topics=[TOPIC],
        message=EventEnvelope,
        title="keys.usage",
        description="Usage of API keys; each event becomes a row in the artifact store.",
        hurried=False,
    )
