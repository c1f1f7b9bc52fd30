"""What the templates of the keys service are given."""

from collections.abc import Iterable

from jobforge.chassis.settings import Settings
from jobforge.keys.usage_log import UsageLog
from jobforge.keys.usage_store import UsageStore


def keys_tools(settings: Settings) -> Iterable[object]:
    """What the templates may ask for; nothing is opened before it is used."""
    return [UsageStore(settings.artifacts_url), UsageLog(settings.kafka_bootstrap)]
