"""What every service knows without asking, on ``jobforge.control``: templates, triggers, flags, apps, partitions."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from jobforge.contracts.base import (
    Instant,
    JsonObject,
    Message,
    ProjectId,
    SourceApp,
    TemplateKey,
    TenantId,
    TriggerName,
)

MAX_ATTEMPTS = 1000
"""Attempts that a template may grant: a week of the longest waits."""
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
    attempts: int = Field(ge=1, le=MAX_ATTEMPTS)
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


class TriggerAnnounced(Message):
    """A trigger (with ``event_type``) or schedule (with ``cron``) as its file declares it; key ``trigger:<name>``."""

    kind: Literal["trigger"] = "trigger"
    name: TriggerName
    template_key: TemplateKey
    inputs: JsonObject = Field(default_factory=dict, description="Values that begin with '$.' are JMESPath.")
    enabled: bool = Field(default=True, description="What the file says; a switch beats it.")
    event_type: str | None = None
    condition: str | None = None
    most_per_trace: int | None = None
    cron: str | None = None
    time_zone: str | None = None
    tenant_id: TenantId | None = None
    project_id: ProjectId | None = None
    declared_at: Instant = Field(description="Since when it is declared; what happened before does not concern it.")

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"trigger:{self.name}".encode()


class TriggerSwitched(Message):
    """Whether a trigger or schedule acts, since when; key ``trigger-enablement:<name>``."""

    kind: Literal["trigger-enablement"] = "trigger-enablement"
    name: TriggerName
    enabled: bool
    switched_at: Instant

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"trigger-enablement:{self.name}".encode()


class ScheduleTicked(Message):
    """The newest tick whose run was requested; key ``tick:<name>``."""

    kind: Literal["tick"] = "tick"
    name: TriggerName
    tick: Instant

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"tick:{self.name}".encode()


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


ControlMessage = (
    TemplateAnnounced
    | TemplateSwitched
    | TriggerAnnounced
    | TriggerSwitched
    | ScheduleTicked
    | FlagSet
    | AppRegistered
    | PlaneSettled
)
AnyControl = Annotated[ControlMessage, Field(discriminator="kind")]
CONTROL: TypeAdapter[Any] = TypeAdapter(AnyControl)
"""Parses one record of ``jobforge.control`` by its ``kind``."""
