"""Judges who can use a page: by axe-core in a browser, else by a static subset of its rules, on the HTML alone."""

from collections.abc import Sequence
from itertools import pairwise

from jobforge.autopilot.scanning import axe
from jobforge.autopilot.scanning.results import Check, Finding, Severity, examples, judged, skipped
from jobforge.autopilot.scanning.sightings import PageFacts, Sightings
from jobforge.autopilot.scanning.visits import Examined, Unexamined

METHOD = "static subset"
"""Contrast, focus, and what scripts add need a browser, and are not looked at."""


def check(seen: Sightings) -> Check:
    """Of the page in a browser, or as it was sent; the rules are those of WCAG 2.2 and, in a browser, good practice."""
    if seen.facts is None:
        kind = seen.page.header("content-type").partition(";")[0]
        return skipped("accessibility", f"The answer is no HTML page but {kind or 'of no named type'}.")
    if isinstance(seen.examined, Examined):
        return judged("accessibility", axe.findings(seen.examined), axe.measured(seen.examined))
    return _static(seen.facts, seen.examined)


def _static(facts: PageFacts, instead: Unexamined | None) -> Check:
    unfinished = []
    if instead is not None and instead.tried:
        unfinished = [_found("axe_unfinished", "info", "axe-core did not finish; static subset used.", instead.reason)]
    measured = {
        "method": METHOD,
        "why_no_browser": instead and instead.reason,
        "not_looked_at": ["contrast", "focus order", "what scripts add"],
        "images": facts.images,
        "fields": facts.fields,
        "headings": len(facts.headings),
    }
    findings = [*_document(facts), *_elements(facts), *_headings(facts.headings), *unfinished]
    return judged("accessibility", findings, measured)


def _found(what: str, severity: Severity, message: str, evidence: str = "") -> Finding:
    return Finding(id=f"accessibility.{what}", severity=severity, message=message, evidence=evidence)


def _document(facts: PageFacts) -> list[Finding]:
    findings = []
    if not facts.language:
        message = "The page does not say its language, so that it is read out wrongly: add lang to <html> (WCAG 3.1.1)."
        findings.append(_found("no_language", "medium", message))
    if not facts.title:
        message = "The page has no title: add <title> (WCAG 2.4.2)."
        findings.append(_found("no_title", "medium", message))
    if facts.zoom_off:
        message = "The page cannot be enlarged: take user-scalable=no and maximum-scale=1 away (WCAG 1.4.4)."
        findings.append(_found("no_zoom", "medium", message))
    if not facts.has_main:
        message = "The page has no <main>, to which one could skip (WCAG 1.3.1)."
        findings.append(_found("no_main", "low", message))
    return findings


def _elements(facts: PageFacts) -> list[Finding]:
    rules: list[tuple[str, Severity, str, Sequence[str]]] = [
        (
            "no_alt",
            "medium",
            'Images have no alt: describe them, or write alt="" (WCAG 1.1.1).',
            facts.images_without_alt,
        ),
        ("no_label", "medium", "Fields have no label: add <label for=…> (WCAG 3.3.2).", facts.fields_without_label),
        ("empty_links", "medium", "Links have no text: say where they lead (WCAG 2.4.4).", facts.links_without_text),
        ("empty_buttons", "medium", "Buttons have no text: say what they do (WCAG 4.1.2).", facts.buttons_without_text),
        ("frames_untitled", "low", "Frames have no title (WCAG 4.1.2).", facts.frames_without_title),
        ("repeated_ids", "low", "Ids stand there more than once, so that labels miss.", facts.repeated_ids),
    ]
    return [_found(what, severity, message, examples(seen)) for what, severity, message, seen in rules if seen]


def _headings(levels: Sequence[int]) -> list[Finding]:
    if not levels:
        return [_found("no_headings", "low", "The page has no headings, by which one could jump (WCAG 2.4.6).")]
    findings = []
    if 1 not in levels:
        findings.append(_found("no_h1", "low", "The page has no first heading: add <h1> (WCAG 2.4.6)."))
    jumps = [f"h{before} to h{after}" for before, after in pairwise(levels) if after > before + 1]
    if jumps:
        findings.append(
            _found("heading_jumps", "low", "Levels of headings are left out (WCAG 1.3.1).", examples(jumps))
        )
    return findings
