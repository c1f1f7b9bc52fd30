"""The report of a scan as one self-contained page, and as JSON for programs."""

from typing import Any

from jobforge.autopilot.pages import page_template
from jobforge.autopilot.scanning.history import Result, Trend
from jobforge.autopilot.scanning.results import COSTS, Check

TITLES = {
    "ssl": "Encryption",
    "headers": "Protective headers",
    "cache": "Caching and compression",
    "cdn": "Content delivery",
    "performance": "Speed and weight",
    "accessibility": "Accessibility",
}
_VERDICTS = {
    "pass": "Everything that was checked is in order.",
    "warn": "The site works; some things should be better.",
    "fail": "Something needs to be mended now.",
}


def to_html(target: str, url: str, result: Result, trend: Trend | None) -> str:
    """A page that loads nothing from anywhere; whatever the site said stands there as text."""
    findings = [(check.name, each) for check in result.checks for each in check.findings]
    findings.sort(key=lambda one: -COSTS[one[1].severity])
    counts = {severity: sum(each.severity == severity for _, each in findings) for severity in COSTS}
    page: str = page_template("jobforge.autopilot.scanning", "report.html.j2").render(
        target=target,
        url=url,
        result=result,
        trend=trend,
        findings=findings,
        counts=counts,
        titles=TITLES,
        headings={check.name: _heading(check) for check in result.checks},
        said=_VERDICTS[result.verdict],
        measured={check.name: list(_flat(check.measured)) for check in result.checks},
    )
    return page


def _heading(check: Check) -> str:
    """With what looked, if the check could look in another way too."""
    method = check.measured.get("method")
    return f"{TITLES[check.name]} ({method})" if method else TITLES[check.name]


def _flat(measured: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values as a person reads them."""
    rows = []
    for name, value in measured.items():
        label = name.replace("_", " ")
        if isinstance(value, dict):
            rows.append((label, ", ".join(f"{inner} {_shown(each)}" for inner, each in value.items()) or "–"))
        elif isinstance(value, list):
            rows.append((label, ", ".join(map(_shown, value)) or "–"))
        else:
            rows.append((label, _shown(value)))
    return rows


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
