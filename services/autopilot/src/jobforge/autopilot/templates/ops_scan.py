"""Scans a site from outside: encryption, headers, caching, delivery, speed and accessibility."""

import json
from datetime import timedelta

from pydantic import BaseModel, Field, field_validator

from jobforge.autopilot.scanning.history import History, Result, Trend, trend
from jobforge.autopilot.scanning.judging import OF_TYPE, ScanType, judge
from jobforge.autopilot.scanning.observing import Scanner
from jobforge.autopilot.scanning.report import to_html
from jobforge.autopilot.scanning.results import Check, CheckName, Verdict, total_score, verdict_of
from jobforge.autopilot.scanning.visits import Examined
from jobforge.contracts.base import StrictInput
from jobforge.execution.job import Job
from jobforge.execution.template import template


class Inputs(StrictInput):
    """What to look at, and for what."""

    target: str = Field(
        min_length=1, max_length=2_000, description="A registered target's name, or an URL on an allowed host."
    )
    scan_type: ScanType = Field(
        default="full",
        description="performance: performance, cache, cdn; security: ssl, headers; full: all.",
    )
    checks: tuple[CheckName, ...] = Field(
        default=(), json_schema_extra={"uniqueItems": True}, description="If given, these instead of the scan type's."
    )

    @field_validator("checks")
    @classmethod
    def _unique(cls, values: tuple[CheckName, ...]) -> tuple[CheckName, ...]:
        if len(set(values)) < len(values):
            raise ValueError("each check may be named once")
        return values


class Outputs(BaseModel):
    """What was found, check by check, and what that comes to."""

    target: str
    url: str = Field(description="Where the target is.")
    page_url: str | None = Field(description="Where its redirects lead; null if no page could be fetched.")
    page_status: int | None
    checks: list[Check]
    score: int = Field(description="0 to 100, the mean of the checks that were not skipped.")
    verdict: Verdict = Field(description="The worst of the checks.")
    trend: Trend | None = Field(description="Against the last scan of this target; null if there is none to compare.")


@template("autopilot.ops.scan", scopes={"autopilot:scan"}, timeout=timedelta(minutes=3))
async def run(inputs: Inputs, job: Job, *, scanner: Scanner, history: History) -> Outputs:
    """Look at a site and report: a verdict, findings with evidence, and what changed since its last scan.

    Accessibility is checked by axe-core in headless Chromium, or without one by a static subset of its rules; the check
    says which. Writes ``report.html``, a page for people, and ``report.json``. Only reads; a dry run keeps nothing for
    the trend.
    """
    place = scanner.place(inputs.target)
    names = inputs.checks or OF_TYPE[inputs.scan_type]
    seen = await scanner.look(job, place, names)
    checks = judge(seen, names)
    result = Result(
        run_id=job.run_id,
        seen_at=seen.seen_at,
        score=total_score(checks),
        verdict=verdict_of(checks),
        checks=checks,
    )
    await job.progress(0.9, "everything is checked")
    earlier = await history.earlier(job.tenant_id, place.url, job.run_id)
    change = trend(result, earlier)
    outputs = Outputs(
        target=inputs.target,
        url=place.url,
        page_url=seen.hops[-1].place.url if seen.hops else None,
        page_status=seen.hops[-1].status if seen.hops else None,
        checks=checks,
        score=result.score,
        verdict=result.verdict,
        trend=change,
    )
    told = {**outputs.model_dump(mode="json"), "seen_at": result.seen_at.isoformat(), "run_id": str(job.run_id)}
    await job.write_artifact("report.html", to_html(inputs.target, place.url, result, change), "text/html")
    await job.write_artifact("report.json", json.dumps(told, ensure_ascii=False, indent=2), "application/json")
    if not job.dry_run:
        await history.keep(job.tenant_id, place.url, result, earlier)
    if isinstance(seen.examined, Examined):
        job.used_tool("axe-core", seen.examined.axe)
        job.used_tool("chromium", seen.examined.browser.removeprefix("Chromium "))
    job.measure("score", result.score)
    for severity in ("high", "medium", "low"):
        job.measure(f"findings_{severity}", sum(each.severity == severity for c in checks for each in c.findings))
    return outputs
