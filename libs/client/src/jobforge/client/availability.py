"""What the plane offers right now, asked with one client that the environment describes."""

from functools import cache

from jobforge.client.blocking import JobForgeClient
from jobforge.client.errors import JobForgeNotFound, JobForgeTimeout, JobForgeUnavailable


@cache
def default_client() -> JobForgeClient:
    """The client that the functions below share, made from the environment when first needed."""
    return JobForgeClient()


def is_event_ingestion_available() -> bool:
    """Whether events are taken now: False when the feature is off and when the plane cannot be reached."""
    try:
        return get_feature_flag_summary().get("JOBFORGE_EVENTS_ENABLED", False)
    except (JobForgeUnavailable, JobForgeTimeout):
        return False


def is_template_enabled(template_key: str) -> bool:
    """Whether a template may be requested; False for one that the plane does not know."""
    try:
        return default_client().get_template(template_key).enabled
    except JobForgeNotFound:
        return False


def get_feature_flag_summary() -> dict[str, bool]:
    """Each feature flag and whether it is on; never a secret."""
    return default_client().get_flags()
