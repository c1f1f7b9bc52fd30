"""What every service knows without asking: templates, flags, apps and the partition count, on ``jobforge.control``."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from jobforge.contracts.base import Instant, JsonObject, Message, SourceApp, TemplateKey

FLAGS: dict[str, bool] = {
    "JOBFORGE_EVENTS_ENABLED": False,
    "JOBFORGE_TRIGGERS_ENABLED": False,
    "JOBFORGE_AUTOPILOT_JOBS_ENABLED": False,
    "JOBFORGE_ACTION_JOBS_ENABLED": False,
    "JOBFORGE_MANIFESTS_ENABLED": False,
    "JOBFORGE_AUDIT_LOGGING_ENABLED": False,
    "JOBFORGE_REQUIRE_POLICY_TOKENS": True,
}
"""Each feature flag and its default; the development profile turns all on but the policy tokens."""


class TemplateAnnounced(Message):
    """What a domain service runs, announced when it starts; key ``template:<template_key>``."""

    kind: Literal["template"] = "template"
    template_key: TemplateKey
    version: str
    domain: str
    description: str
    input_schema: JsonObject
    output_schema: JsonObject
    scopes: tuple[str, ...] = ()
    effects: Literal["pure", "keyed"] = "pure"
    timeout_seconds: float
    attempts: int
    lane: Literal["fast", "slow"] = "fast"
    announced_at: Instant

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"template:{self.template_key}".encode()


class TemplateSwitched(Message):
    """Whether a template may be requested; key ``enablement:<template_key>``."""

    kind: Literal["enablement"] = "enablement"
    template_key: TemplateKey
    enabled: bool
    switched_at: Instant

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"enablement:{self.template_key}".encode()


class FlagSet(Message):
    """A feature flag's value; it beats the environment; key ``flag:<NAME>``."""

    kind: Literal["flag"] = "flag"
    name: str
    enabled: bool
    set_at: Instant

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"flag:{self.name}".encode()


class AppRegistered(Message):
    """An app whose topics exist; key ``app:<source_app>``."""

    kind: Literal["app"] = "app"
    source_app: SourceApp

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"app:{self.source_app}".encode()


class PlaneSettled(Message):
    """The one partition count of runs and jobs, fixed when topics are first applied; key ``plane:partitions``."""

    kind: Literal["plane"] = "plane"
    partitions: int = Field(ge=1)

    @property
    def key(self) -> bytes:
        """The record's key."""
        return b"plane:partitions"


AnyControl = Annotated[
    TemplateAnnounced | TemplateSwitched | FlagSet | AppRegistered | PlaneSettled, Field(discriminator="kind")
]
CONTROL: TypeAdapter[Any] = TypeAdapter(AnyControl)
"""Parses one record of ``jobforge.control`` by its ``kind``."""
