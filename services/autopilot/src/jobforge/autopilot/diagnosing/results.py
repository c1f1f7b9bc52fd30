"""What a diagnosis says: what happened, where the time went, what caused it, and what to do."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from jobforge.autopilot.scanning.results import CheckName, Severity
from jobforge.contracts.base import Instant
from jobforge.contracts.jobs import JobStatus

Verdict = Literal["succeeded", "attention", "failed", "canceled"]
Category = Literal[
    "none",
    "request",
    "input",
    "setup",
    "far_side",
    "limits",
    "deadline",
    "crash",
    "canceled",
    "defect",
    "plane",
    "another_run",
    "findings",
    "unknown",
]
Confidence = Literal["certain", "likely", "possible"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Moment(_Value):
    """One thing that happened."""

    at: Instant | None
    what: str
    detail: str = ""


class Cause(_Value):
    """Something that explains the end of the run, or that stood out."""

    code: str = Field(description="The error's own code, or that of a rule, such as `attempts.alike`.")
    confidence: Confidence
    explanation: str
    evidence: str = Field(default="", description="What the rule went by; messages of errors are quoted.")


class Spent(_Value):
    """Where the time went, in seconds; null where the run does not say when it was requested or ended."""

    queued: float | None = Field(description="Until the first attempt began.")
    running: float = Field(description="In attempts that reported their end.")
    waiting: float = Field(description="Between an attempt and the next, or the end.")
    lost: float = Field(description="In attempts that never reported, until the next began or the run was ended.")
    total: float | None


class RunSeen(_Value):
    """The run that was looked at."""

    id: UUID
    template_key: str | None
    status: JobStatus
    attempts: int = Field(description="How many began.")


class Mend(_Value):
    """A finding of a scan, and what mending it gains after those before it in the list."""

    id: str
    check: CheckName
    severity: Severity
    message: str
    score_before: int
    score_after: int


class CheckFindings(_Value):
    """How many findings of each severity a check of a scan has."""

    check: CheckName
    score: int | None
    high: int
    medium: int
    low: int


class ScanSeen(_Value):
    """What a scan found, and in which order to mend it."""

    score: int
    checks: list[CheckFindings]
    mend: list[Mend]


class Diagnosis(_Value):
    """A run explained. Nothing in it comes from a run's inputs; of outputs only a scan's findings are told."""

    verdict: Verdict = Field(description="attention: it succeeded, and something stood out.")
    summary: str
    category: Category = Field(description="Whose fault the failure is.")
    timeline: list[Moment]
    time_spent: Spent
    causes: list[Cause] = Field(description="The most certain first.")
    steps: list[str] = Field(description="What to do next, in order.")
    run: RunSeen
    scan: ScanSeen | None = Field(default=None, description="Of a scan that succeeded.")
    generator: Literal["rules"] = "rules"
