"""Judges whether a shared cache stands before the site, and whether it answers repeated requests itself."""

import re

from jobforge.autopilot.scanning.answers import Answer
from jobforge.autopilot.scanning.results import Check, Finding, judged
from jobforge.autopilot.scanning.sightings import Sightings

_SIGNS = (
    ("cf-ray", r"", "Cloudflare"),
    ("x-amz-cf-id", r"", "CloudFront"),
    ("x-served-by", r"cache-", "Fastly"),
    ("x-vercel-id", r"", "Vercel"),
    ("x-nf-request-id", r"", "Netlify"),
    ("x-azure-ref", r"", "Azure Front Door"),
    ("server", r"akamai", "Akamai"),
    ("server", r"bunnycdn", "bunny.net"),
    ("cdn-cache", r"", "a CDN"),
    ("cache-status", r"", "a cache"),
    ("x-varnish", r"", "Varnish"),
    ("x-cache", r"", "a cache"),
    ("via", r"varnish|squid|cache|cloudfront|google", "a cache"),
    ("age", r"^\d", "a cache"),
)
"""Header, pattern of its value, and whose sign it is; the first that fits names the CDN."""
_STATUS = ("cf-cache-status", "x-cache", "x-cache-status", "cache-status", "cdn-cache", "x-vercel-cache")
_HIT = re.compile(r"\bhit\b")


def check(seen: Sightings) -> Check:
    """A site without any shared cache fails; one whose cache never answers is warned of."""
    page_answers, file_answers = [seen.page, *seen.repeats], list(seen.asset_repeats)
    who = next(filter(None, map(provider, [*page_answers, *file_answers])), None)
    page_hits, file_hits = sum(map(is_hit, page_answers)), sum(map(is_hit, file_answers))
    measured = {
        "provider": who,
        "page_requests": len(page_answers),
        "page_hits": page_hits,
        "file_requests": len(file_answers),
        "file_hits": file_hits,
        "ages": [each.header("age")[:20] for each in page_answers if each.header("age")],
    }
    evidence = f"page: {page_hits} of {len(page_answers)} requests, file: {file_hits} of {len(file_answers)}"
    findings = []
    if who is None:
        message = "No shared cache answers: put a CDN before the site, so that visitors far away need not wait for it."
        findings.append(Finding(id="cdn.absent", severity="high", message=message, evidence="no header of a cache"))
    elif not page_hits and not file_hits:
        message = f"{who} answers nothing itself: let it keep files, and pages that are the same for all."
        findings.append(Finding(id="cdn.never_hits", severity="medium", message=message, evidence=evidence))
    elif not page_hits:
        message = f"{who} keeps files but not the page: if it is the same for all, let it be kept for a short time."
        findings.append(Finding(id="cdn.page_not_kept", severity="info", message=message, evidence=evidence))
    return judged("cdn", findings, measured)


def provider(answer: Answer) -> str | None:
    """Whose cache the answer came through, as its headers tell."""
    for header, pattern, name in _SIGNS:
        said = answer.header(header).lower()
        if said and re.search(pattern, said):
            return name
    return None


def is_hit(answer: Answer) -> bool:
    """Whether a shared cache answered: it says so, or the answer has an age."""
    if any(_HIT.search(answer.header(name).lower()) for name in _STATUS):
        return True
    age = answer.header("age").strip()
    return age.isascii() and age.isdigit() and int(age[:12]) > 0
