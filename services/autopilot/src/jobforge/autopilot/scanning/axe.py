"""Says what axe-core found in the words of a scan: its impacts as severities, its rules as findings."""

from collections.abc import Mapping

from jobforge.autopilot.scanning.quoting import selector
from jobforge.autopilot.scanning.results import Finding, Severity, examples
from jobforge.autopilot.scanning.visits import Examined, Impact, Violation

SEVERITIES: Mapping[Impact, Severity] = {"critical": "high", "serious": "medium", "moderate": "low", "minor": "low"}


def findings(examined: Examined) -> list[Finding]:
    """One for each rule that is broken, with selectors of the elements and the address of its explanation."""
    return [_finding(each) for each in examined.violations]


def measured(examined: Examined) -> dict[str, object]:
    """How it was looked at, and how much of it."""
    return {
        "method": f"axe-core {examined.axe} in {examined.browser}",
        "not_looked_at": ["inside of frames", "focus order", "what appears only after a click"],
        "rules_passed": examined.passed,
        "rules_for_a_person_to_judge": examined.unsure,
        "requests_answered": examined.loaded,
        "requests_refused": examined.refused,
    }


def _finding(violation: Violation) -> Finding:
    criteria = f" (WCAG {', '.join(violation.criteria)})" if violation.criteria else ""
    more = violation.elements - len(violation.targets)
    shown = examples(list(map(selector, violation.targets))) + (f"; and {more} more" if more > 0 else "")
    return Finding(
        id=f"accessibility.axe.{violation.id}",
        severity=SEVERITIES[violation.impact],
        message=f"{violation.help}{criteria}.",
        evidence=f"{shown}; see {violation.help_url}" if shown else f"see {violation.help_url}",
    )
