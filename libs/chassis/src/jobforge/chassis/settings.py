"""What a service is told by its environment, read once when its app is created."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobforge.contracts.control import FLAGS
from jobforge.contracts.topics import DEFAULT_PARTITIONS


class Settings(BaseSettings):
    """Settings that every service shares; each variable is ``JOBFORGE_<NAME>`` unless an alias says otherwise."""

    model_config = SettingsConfigDict(env_prefix="JOBFORGE_", frozen=True, extra="ignore", populate_by_name=True)

    profile: Literal["production", "development"] = Field(
        default="production", description="development switches on every flag and template, and the PUTs on them."
    )
    kafka_bootstrap: str = "127.0.0.1:9092"
    redis_url: str = "redis://127.0.0.1:6379/0"
    artifacts_url: str = Field(default="file:///var/lib/jobforge/artifacts", description="file:///... or s3://...")
    partitions: int = Field(default=DEFAULT_PARTITIONS, ge=1, le=1000)
    jaeger_url: str = "http://127.0.0.1:16686"
    otlp_endpoint: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    grace_period: Annotated[float, Field(gt=0, le=16)] = Field(
        default=15.0, description="Seconds that a stopping service gives its work; the process ends 9 s later at most."
    )
    publish_timeout: float = Field(default=10.0, gt=0, description="Seconds to wait for Kafka's acknowledgement.")
    max_record_bytes: int = Field(default=256 * 1024, gt=0, le=1024 * 1024)
    max_output_bytes: int = Field(default=256 * 1024, gt=0, le=512 * 1024)
    max_object_bytes: int = Field(default=64 * 1024 * 1024, gt=0)
    artifacts_sweep_after: timedelta = Field(
        default=timedelta(hours=24),
        gt=timedelta(),
        description="How old artifacts are deleted that the manifest of their run does not name.",
    )
    enabled_templates: str = Field(
        default="",
        description="Comma-separated template keys that are on until jobforge.control says otherwise; * all.",
    )

    triggers_file: str = Field(default="", description="The YAML file that declares triggers and schedules; none: off.")

    events_enabled: bool | None = None
    triggers_enabled: bool | None = None
    autopilot_jobs_enabled: bool | None = None
    action_jobs_enabled: bool | None = None
    manifests_enabled: bool | None = None
    audit_logging_enabled: bool | None = None
    require_policy_tokens: bool | None = None

    def flag(self, name: str) -> bool:
        """A feature flag by its variable's name: what the environment says, else the profile, else the default."""
        said: bool | None = getattr(self, name.removeprefix("JOBFORGE_").lower())
        if said is not None:
            return said
        if self.profile == "development":
            return name != "JOBFORGE_REQUIRE_POLICY_TOKENS"
        return FLAGS[name]

    def template_enabled(self, template_key: str) -> bool:
        """Whether a template is on as far as the environment and the profile say."""
        if self.profile == "development":
            return True
        named = {key.strip() for key in self.enabled_templates.split(",")}
        return "*" in named or template_key in named
