"""What the demonstration does: a table of steps, each a job of the guide on real or generated input."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

INDEX, DOCUMENT_KIND = "demo", "document"
NOTES = ("note-accepted-requests", "note-runs-and-retries", "note-manifests-and-traces")
DRAFT_TOPIC = "jobs that fail, retries and dead letters"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that comes with the command."""

    kind: str
    object_id: str
    file: str
    media_type: str

    def content(self) -> bytes:
        """Its bytes."""
        return (files("jobforge.cli") / "demo_data" / self.file).read_bytes()


@dataclass(frozen=True, slots=True)
class Event:
    """A fact that the step's app states before it asks for its job."""

    event_type: str
    payload: Mapping[str, Any]
    subject: tuple[str, str] | None = None
    source_module: str = "core"
    occurred_at: datetime | None = None
    event_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the demonstration; it is left out where the plane lacks its template, or the step before it."""

    name: str
    title: str
    app: str
    template_key: str
    inputs: Mapping[str, Any]
    shows: tuple[str, ...]
    """Outputs that the index page shows; pictures and pages among the artifacts are always shown."""
    about: str = ""
    uploads: tuple[Upload, ...] = ()
    events: tuple[Event, ...] = ()
    after: str | None = None
    """The step whose end this one needs."""

    @property
    def domain(self) -> str:
        """The service that runs its job."""
        return self.template_key.partition(".")[0]


SETTLER = Step(
    name="settler",
    title="A contract is read",
    app="settler",
    about="a contract filed with the SEC (CUAD v1, The Atticus Project, CC BY 4.0)",
    uploads=(Upload("contract", "demo-contract", "contract.pdf", "application/pdf"),),
    events=(
        Event(
            "settler.contract.uploaded",
            {"contract_id": "demo-contract", "status": "pending_processing"},
            subject=("contract", "demo-contract"),
        ),
    ),
    template_key="settler.contract.process",
    inputs={"contract_id": "demo-contract", "analysis_type": "full"},
    shows=(
        *("title", "parties", "governing_law", "agreement_date", "effective_date", "expiration_date"),
        *("renewal_term", "notice_period", "warnings"),
    ),
)

READYLAYER = Step(
    name="readylayer",
    title="A photograph is made small",
    app="readylayer",
    about="a photograph (Kodak Lossless True Color Image Suite)",
    uploads=(Upload("asset", "demo-photograph", "photograph.png", "image/png"),),
    events=(
        Event(
            "readylayer.asset.uploaded",
            {"asset_id": "demo-photograph", "optimization_pending": True},
            subject=("asset", "demo-photograph"),
        ),
    ),
    template_key="readylayer.asset.optimize",
    inputs={"asset_id": "demo-photograph", "formats": ["webp", "avif"], "sizes": [320, 640, 768]},
    shows=("original", "variants", "skipped"),
)

KNOWLEDGE_INDEX = Step(
    name="aias-index",
    title="Documents are indexed",
    app="aias",
    about="the contract and three notes on JobForge, as documents",
    uploads=(
        Upload(DOCUMENT_KIND, "demo-contract", "contract.pdf", "application/pdf"),
        *(Upload(DOCUMENT_KIND, name, f"{name}.md", "text/markdown") for name in NOTES),
    ),
    events=(
        Event(
            "aias.agent.task.completed",
            {"agent_id": "librarian", "task_id": "collect-documents", "outcome": "success"},
            subject=("agent_task", "collect-documents"),
        ),
    ),
    template_key="aias.knowledge.index",
    inputs={"document_ids": ["demo-contract", *NOTES], "index_type": "hybrid", "index": INDEX},
    shows=("documents", "chunks", "dimensions", "embedder", "skipped"),
)

KNOWLEDGE_SEARCH = Step(
    name="aias-search",
    title="“What happens to a job that fails?” is looked up",
    app="aias",
    after="aias-index",
    template_key="aias.knowledge.search",
    inputs={"query": "What happens to a job that fails?", "k": 3, "index": INDEX},
    shows=("hits",),
)

VERIFICATION = Step(
    name="verification",
    title="A site is verified",
    app="readylayer",
    events=(
        Event(
            "readylayer.verification.requested",
            {"verification_type": "full_audit", "checks": ["ssl", "performance", "accessibility"]},
            source_module="ops",
        ),
    ),
    template_key="autopilot.ops.scan",
    inputs={"target": "production", "scan_type": "full"},
    shows=("url", "verdict", "score", "trend"),
)

DRAFT = Step(
    name="draft",
    title="An article is drafted from the documents",
    app="aias",
    after="aias-index",
    events=(
        Event(
            "growth.content.requested",
            {"topic": DRAFT_TOPIC, "format": "blog", "requested_by": "marketing-team"},
            source_module="growth",
        ),
    ),
    template_key="autopilot.growth.content_draft",
    inputs={
        "topic": DRAFT_TOPIC,
        "format": "blog",
        "tone": "professional",
        "target_audience": "technical",
        "knowledge_index": INDEX,
    },
    shows=("title", "generator", "readability", "sources"),
)


def story(now: datetime) -> tuple[Step, ...]:
    """All steps, in the order they are told; usage is that of the day before ``now``."""
    yesterday = (now - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return SETTLER, READYLAYER, KNOWLEDGE_INDEX, KNOWLEDGE_SEARCH, usage_of(yesterday), VERIFICATION, DRAFT


def playable(steps: Collection[Step], templates: Collection[str]) -> tuple[Step, ...]:
    """The steps whose templates are there, and with them the steps that they need."""
    names: set[str] = set()
    for step in steps:
        if step.template_key in templates and (step.after is None or step.after in names):
            names.add(step.name)
    return tuple(step for step in steps if step.name in names)


def usage_of(day: datetime) -> Step:
    """A day of two keys, one busy by day and one that runs every sixth hour, reported after the fact."""
    return Step(
        name="keys",
        title="The usage of API keys is added up",
        app="keys",
        about="the usage of two made-up keys, by the hour",
        events=_usage(day),
        template_key="keys.usage.aggregate",
        inputs={"period": day.date().isoformat(), "granularity": "hourly"},
        shows=("requests", "bytes_transferred", "events", "keys", "late_events", "repeated_events"),
    )


def _usage(day: datetime) -> tuple[Event, ...]:
    requests = {
        "web": [10 + 30 * max(0, 8 - abs(hour - 14)) for hour in range(24)],
        "nightly": [400 if hour % 6 == 0 else 0 for hour in range(24)],
    }
    return tuple(
        Event(
            "keys.usage.recorded",
            {"key_id": key, "requests": count, "bytes_transferred": 1_800 * count},
            subject=("api_key", key),
            occurred_at=(moment := day + timedelta(hours=hour, minutes=30)),
            event_id=uuid5(
                NAMESPACE_URL, f"jobforge:demo:{key}:{moment.isoformat()}"
            ),  # a second demo counts none twice
        )
        for key, counts in requests.items()
        for hour, count in enumerate(counts)
        if count
    )
