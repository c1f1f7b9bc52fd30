"""Judges how fast the site answers, how heavy its page is, and what keeps the page from being shown."""

from collections.abc import Sequence
from math import ceil
from typing import Any

from jobforge.autopilot.scanning.answers import MIB
from jobforge.autopilot.scanning.results import Check, Finding, Severity, examples, judged
from jobforge.autopilot.scanning.sightings import Sightings

FIRST_BYTE_GOOD, FIRST_BYTE_POOR = 0.8, 1.8
"""Seconds; the bounds that web.dev gives for the time to first byte."""
HEAVY, TOO_HEAVY = 2 * MIB, 5 * MIB
MANY_STYLES = 3


def check(seen: Sightings) -> Check:
    """From this machine's place in the network; each request used a connection of its own."""
    answers = [seen.page, *seen.repeats]
    first_byte = _percentiles([each.timing.first_byte for each in answers])
    loaded = [each.answer for each in seen.resources if each.answer is not None]
    weight = len(seen.page.body) + sum(len(each.body) for each in loaded)
    measured = {
        "requests": len(answers),
        "dns_seconds": _rounded(seen.resolving),
        "connect_seconds": _percentiles([each.timing.connect for each in answers]),
        "tls_seconds": _percentiles([each.timing.tls for each in answers if each.timing.tls is not None]),
        "first_byte_seconds": first_byte,
        "total_seconds": _percentiles([each.timing.total for each in answers]),
        "redirects": len(seen.hops) - 1,
        "page_bytes": len(seen.page.body),
        "weight_bytes": weight,
        "files": len(loaded),
        "files_not_fetched": len(seen.resources) - len(loaded),
    }
    findings = [*_speed(first_byte["p50"]), *_weight(weight, seen), *_blocking(seen), *_files(seen)]
    if len(seen.hops) > 2:
        way = " -> ".join(each.place.origin for each in seen.hops)
        message = "Several redirects stand before the page: lead to it at once."
        findings.append(_found("redirects", "low", message, way))
    return judged("performance", findings, measured)


def _found(what: str, severity: Severity, message: str, evidence: str) -> Finding:
    return Finding(id=f"performance.{what}", severity=severity, message=message, evidence=evidence)


def _speed(typical: float) -> list[Finding]:
    if typical < FIRST_BYTE_GOOD:
        return []
    evidence = f"half of the requests waited {typical:g} s or longer"
    if typical < FIRST_BYTE_POOR:
        return [_found("slow", "medium", f"The server begins to answer after more than {FIRST_BYTE_GOOD} s.", evidence)]
    return [_found("very_slow", "high", f"The server begins to answer after more than {FIRST_BYTE_POOR} s.", evidence)]


def _weight(weight: int, seen: Sightings) -> list[Finding]:
    cut = any(each.truncated for each in [seen.page, *(one.answer for one in seen.resources if one.answer)])
    evidence = (
        f"{'more than ' if cut else ''}{weight / MIB:.1f} MiB over the wire, files counted: {len(seen.resources)}"
    )
    if weight < HEAVY and not cut:
        return []
    message = "The page is heavy: make images smaller, split scripts, and leave out what is not used."
    too_heavy = weight >= TOO_HEAVY or cut
    return [_found("too_heavy" if too_heavy else "heavy", "high" if too_heavy else "medium", message, evidence)]


def _blocking(seen: Sightings) -> list[Finding]:
    if seen.facts is None:
        return []
    findings = []
    if scripts := seen.facts.blocking_scripts:
        message = "Scripts in the head hold the page back: add defer or async."
        findings.append(_found("blocking_scripts", "medium", message, examples(scripts)))
    if len(styles := seen.facts.blocking_styles) > MANY_STYLES:
        message = f"More than {MANY_STYLES} style sheets hold the page back: join them, or give them a media query."
        findings.append(_found("blocking_styles", "low", message, examples(styles)))
    return findings


def _files(seen: Sightings) -> list[Finding]:
    answered = [(each.reference, each.answer.status) for each in seen.resources if each.answer is not None]
    broken = [f"{reference} answered {status}" for reference, status in answered if status >= 400]
    missing = [f"{each.reference}: {each.reason}" for each in seen.resources if each.answer is None]
    findings = []
    if broken:
        message = "The page loads files that are not there: mend the references."
        findings.append(_found("broken_files", "medium", message, examples(broken)))
    if missing:
        message = "Files of the page were not fetched, so that their weight is not counted."
        findings.append(_found("files_not_fetched", "info", message, examples(missing)))
    return findings


def _percentiles(seconds: Sequence[float]) -> dict[str, Any]:
    """By nearest rank; nothing if there is nothing."""
    if not seconds:
        return {}
    ranked = sorted(seconds)
    at = {name: ranked[ceil(share * len(ranked)) - 1] for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))}
    return {name: _rounded(value) for name, value in at.items()}


def _rounded(seconds: float) -> float:
    return round(seconds, 6)
