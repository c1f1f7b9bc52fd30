"""Where the plane's doors are, for templates that ask it for something: services meet there, not in imports."""

from typing import TYPE_CHECKING

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from jobforge.client import AsyncJobForgeClient


class PlaneSettings(BaseSettings):
    """Where the plane's doors are; ``JOBFORGE_<NAME>``."""

    model_config = SettingsConfigDict(
        env_prefix="JOBFORGE_", env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    url: str | None = Field(default=None, description="The door that takes job requests; unset: port 8080 here.")
    query_url: str | None = Field(default=None, description="The door that shows runs; unset: url, or port 8081 here.")
    api_key: SecretStr | None = None
    autopilot_search_wait: float = Field(default=45.0, gt=0, description="Seconds that a search may take.")


def connected(settings: PlaneSettings, timeout: float) -> "AsyncJobForgeClient":
    """A client that waits so many seconds for an answer. Runs in a thread: making one reads certificates."""
    from jobforge.client import AsyncJobForgeClient

    key = settings.api_key.get_secret_value() if settings.api_key else None
    return AsyncJobForgeClient(url=settings.url, query_url=settings.query_url, api_key=key, timeout=timeout)
