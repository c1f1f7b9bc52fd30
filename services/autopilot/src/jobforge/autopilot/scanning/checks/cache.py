"""Judges whether browsers and caches can keep what the site sends, ask again cheaply, and get it compressed."""

import re

from jobforge.autopilot.scanning.answers import Answer
from jobforge.autopilot.scanning.results import Check, Finding, Severity, examples, judged
from jobforge.autopilot.scanning.sightings import Sightings

AN_HOUR = 3_600
WORTH_PACKING = 1_024
"""Bytes from which on compression pays."""
_TEXT = re.compile(r"^(text/|application/(javascript|json|xml|xhtml\+xml|manifest\+json)|image/svg\+xml)")


def check(seen: Sightings) -> Check:
    """Of the page and the files that it loads from its own host."""
    page, assets = seen.page, seen.assets
    findings = [*_lifetimes(page, assets), *_validators(seen), *_packing([page, *assets])]
    measured = {
        "page_cache_control": page.header("cache-control") or None,
        "page_etag": page.header("etag") or None,
        "files": len(assets),
        "conditional_requests": len(seen.revalidated),
        "answered_304": sum(each.status == 304 for each in seen.revalidated.values()),
        "page_encoding": page.header("content-encoding") or None,
    }
    return judged("cache", findings, measured)


def directives(answer: Answer) -> dict[str, str]:
    """Cache-Control as names and values, in lower case."""
    parts = (each.strip().lower().partition("=") for each in answer.header("cache-control").split(","))
    return {name.strip(): value.strip(' "') for name, _, value in parts if name.strip()}


def _found(what: str, severity: Severity, message: str, seen: list[str]) -> list[Finding]:
    if not seen:
        return []
    return [Finding(id=f"cache.{what}", severity=severity, message=message, evidence=examples(seen))]


def _lifetimes(page: Answer, assets: list[Answer]) -> list[Finding]:
    unsaid = [each.place.path for each in assets if not each.header("cache-control") and not each.header("expires")]
    page_unsaid = [] if page.header("cache-control") or page.header("expires") else [page.place.path]
    barred = [each.place.path for each in assets if "no-store" in directives(each)]
    brief = [each.place.path for each in assets if 0 <= _age(each) < AN_HOUR and "no-store" not in directives(each)]
    return [
        *_found(
            "page_unsaid", "medium", "The page has no Cache-Control, so that each cache guesses: send one.", page_unsaid
        ),
        *_found(
            "files_unsaid",
            "medium",
            "Files have no Cache-Control: send max-age, with a year for versioned names.",
            unsaid,
        ),
        *_found("files_barred", "medium", "Files may not be kept at all: take no-store away.", barred),
        *_found("files_brief", "low", "Files are kept for less than an hour: raise max-age.", brief),
    ]


def _age(answer: Answer) -> int:
    """Seconds for which a browser may use it unasked; -1 if it does not say."""
    said = directives(answer).get("max-age", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 13 else -1


def _validators(seen: Sightings) -> list[Finding]:
    kept = [each for each in [seen.page, *seen.assets] if "no-store" not in directives(each)]
    without = [each.place.path for each in kept if not each.header("etag") and not each.header("last-modified")]
    ignored = [f"{each.place.path} answered {each.status}" for each in seen.revalidated.values() if each.status != 304]
    tags = {each.header("etag") for each in (seen.page, *seen.repeats) if each.header("etag")}
    bodies = {each.body for each in (seen.page, *seen.repeats)}
    shaky = sorted(tags) if len(tags) > 1 and len(bodies) == 1 else []
    return [
        *_found(
            "no_validator", "medium", "There is neither ETag nor Last-Modified, so that all is sent again.", without
        ),
        *_found(
            "conditional_ignored", "high", "Conditional requests get the whole again: answer them with 304.", ignored
        ),
        *_found(
            "etag_unstable", "medium", "The ETag changes though the page does not: derive it from the content.", shaky
        ),
    ]


def _packing(answers: list[Answer]) -> list[Finding]:
    texts = [each for each in answers if _TEXT.match(each.header("content-type").lower())]
    plain = [
        f"{each.place.path} ({len(each.body)} bytes)"
        for each in texts
        if not each.header("content-encoding") and len(each.body) >= WORTH_PACKING
    ]
    unvaried = [
        each.place.path
        for each in texts
        if each.header("content-encoding") and not {"accept-encoding", "*"} & _varies(each)
    ]
    return [
        *_found("uncompressed", "medium", "Text is sent uncompressed to who takes gzip: switch on compression.", plain),
        *_found("vary_missing", "low", "Compressed text lacks Vary: Accept-Encoding, which misleads caches.", unvaried),
    ]


def _varies(answer: Answer) -> set[str]:
    return {each.strip().lower() for each in answer.header("vary").split(",")}
