"""What a check says: findings by severity, what was measured, and the score that follows from them."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

CheckName = Literal["ssl", "cdn", "cache", "performance", "accessibility", "headers"]
Severity = Literal["high", "medium", "low", "info"]
Status = Literal["pass", "warn", "fail", "skipped"]
Verdict = Literal["pass", "warn", "fail"]

COSTS: dict[Severity, int] = {"high": 60, "medium": 20, "low": 5, "info": 0}
"""Points that a finding takes from the 100 of its check; one of high severity alone fails it."""
FAILS_BELOW = 50
MOST_EXAMPLES = 5
_LONGEST = 160


class Finding(BaseModel):
    """One thing that is wrong (or, as ``info``, worth knowing)."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="Stable, `<check>.<what>`.")
    severity: Severity
    message: str = Field(description="What is wrong and what to do.")
    evidence: str = Field(default="", description="What was seen, cut to a few examples.")


class Check(BaseModel):
    """What one check found."""

    model_config = ConfigDict(frozen=True)

    name: CheckName
    status: Status
    score: int | None = Field(description="0 to 100; null if it was skipped.")
    findings: list[Finding]
    measured: dict[str, Any]


def judged(name: CheckName, findings: Sequence[Finding], measured: dict[str, Any]) -> Check:
    """The check with its status: 100 points pass, fewer than 50 fail, between is a warning."""
    score = max(0, 100 - sum(COSTS[each.severity] for each in findings))
    status: Status = "pass" if score == 100 else "fail" if score < FAILS_BELOW else "warn"
    ranked = sorted(findings, key=lambda each: -COSTS[each.severity])
    return Check(name=name, status=status, score=score, findings=ranked, measured=measured)


def skipped(name: CheckName, reason: str) -> Check:
    """A check that could not look at anything, and why."""
    finding = Finding(id=f"{name}.skipped", severity="info", message=reason)
    return Check(name=name, status="skipped", score=None, findings=[finding], measured={})


def total_score(checks: Iterable[Check]) -> int:
    """The mean of the checks that were not skipped, rounded down; 0 if all were."""
    scores = [each.score for each in checks if each.score is not None]
    return sum(scores) // len(scores) if scores else 0


def verdict_of(checks: Sequence[Check]) -> Verdict:
    """The worst status of any check; ``warn`` if nothing could be checked."""
    statuses = {each.status for each in checks}
    if "fail" in statuses:
        return "fail"
    return "warn" if "warn" in statuses or statuses == {"skipped"} else "pass"


def examples(seen: Sequence[str]) -> str:
    """A few of what was seen, and how many more there are."""
    shown = "; ".join(each if len(each) <= _LONGEST else f"{each[:_LONGEST]}…" for each in seen[:MOST_EXAMPLES])
    more = len(seen) - MOST_EXAMPLES
    return f"{shown}; and {more} more" if more > 0 else shown
