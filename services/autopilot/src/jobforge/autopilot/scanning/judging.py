"""Puts the checks' answers together: which are asked, and what they say of what was seen."""

from collections.abc import Callable, Sequence
from typing import Literal

from jobforge.autopilot.scanning.checks import accessibility, cache, cdn, headers, performance, ssl
from jobforge.autopilot.scanning.results import Check, CheckName, Finding, judged, skipped
from jobforge.autopilot.scanning.sightings import Sightings

ScanType = Literal["performance", "security", "full"]

CHECKS: dict[CheckName, Callable[[Sightings], Check]] = {
    "ssl": ssl.check,
    "headers": headers.check,
    "cache": cache.check,
    "cdn": cdn.check,
    "performance": performance.check,
    "accessibility": accessibility.check,
}
OF_TYPE: dict[ScanType, tuple[CheckName, ...]] = {
    "performance": ("performance", "cache", "cdn"),
    "security": ("ssl", "headers"),
    "full": tuple(CHECKS),
}


def judge(seen: Sightings, names: Sequence[CheckName]) -> list[Check]:
    """What each check says, in this order."""
    return [_judged(seen, name) for name in names]


def _judged(seen: Sightings, name: CheckName) -> Check:
    if name == "ssl":
        return CHECKS[name](seen)
    if not seen.hops:
        return skipped(name, f"There was no page to look at: {seen.tls_failed}")
    check = CHECKS[name](seen)
    status = seen.page.status
    if status < 400 or check.status == "skipped":
        return check
    message = "The page is an error: everything here is about what visitors see instead of it."
    broken = Finding(id=f"{name}.page_broken", severity="high", message=message, evidence=f"answered {status}")
    return judged(name, [broken, *check.findings], check.measured)
