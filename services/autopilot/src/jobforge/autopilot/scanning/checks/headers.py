"""Judges the headers by which a site tells browsers how to protect its visitors."""

import re

from jobforge.autopilot.scanning.answers import Answer
from jobforge.autopilot.scanning.results import Check, Finding, Severity, examples, judged
from jobforge.autopilot.scanning.sightings import Sightings

HALF_A_YEAR = 15_552_000
"""Seconds for which browsers should remember to come by https."""
_VERSION = re.compile(r"\d+\.\d+")


def check(seen: Sightings) -> Check:
    """Of the page behind all redirects."""
    page = seen.page
    findings = [*_encryption(page), *_embedding(page), *_cookies(page), *_sharing(page), *_disclosure(page)]
    shown = (
        "strict-transport-security", "content-security-policy", "x-content-type-options", "x-frame-options",
        "referrer-policy", "permissions-policy", "server",
    )  # fmt: skip
    return judged("headers", findings, {name: page.header(name)[:500] or None for name in shown})


def _found(what: str, severity: Severity, message: str, evidence: str = "") -> Finding:
    return Finding(id=f"headers.{what}", severity=severity, message=message, evidence=evidence[:500])


def _encryption(page: Answer) -> list[Finding]:
    if page.place.scheme != "https":
        return []
    said = page.header("strict-transport-security")
    if not said:
        message = "Strict-Transport-Security is missing: send it with max-age=31536000, so that nobody comes by http."
        return [_found("no_hsts", "medium", message)]
    age = re.search(r"max-age\s*=\s*\"?(\d{1,12})", said, re.IGNORECASE)
    if age is None or int(age[1]) < HALF_A_YEAR:
        message = f"Strict-Transport-Security is forgotten too soon: set max-age to at least {HALF_A_YEAR}."
        return [_found("short_hsts", "low", message, said)]
    return []


def _embedding(page: Answer) -> list[Finding]:
    findings = []
    policy = page.header("content-security-policy").lower()
    if not policy:
        message = (
            "Content-Security-Policy is missing: say where scripts may come from, so that injected ones do not run."
        )
        findings.append(_found("no_csp", "medium", message))
    elif re.search(r"(?:script-src|default-src)[^;]*'unsafe-inline'", policy) and not re.search(
        r"'(nonce|sha\d+)-", policy
    ):
        message = "Content-Security-Policy lets inline scripts run: use nonces or hashes instead of 'unsafe-inline'."
        findings.append(_found("csp_inline", "low", message, policy))
    if "frame-ancestors" not in policy and page.header("x-frame-options").lower() not in ("deny", "sameorigin"):
        message = "Other sites may show this one in a frame: send frame-ancestors in Content-Security-Policy."
        findings.append(_found("framable", "medium", message, page.header("x-frame-options")))
    if page.header("x-content-type-options").lower() != "nosniff":
        message = "X-Content-Type-Options: nosniff is missing, so that browsers guess types."
        findings.append(_found("sniffable", "low", message, page.header("x-content-type-options")))
    if not page.header("referrer-policy"):
        message = "Referrer-Policy is missing: send strict-origin-when-cross-origin."
        findings.append(_found("no_referrer_policy", "low", message))
    if not page.header("permissions-policy"):
        message = (
            "Permissions-Policy is missing: it would switch off camera, place and the like where they are not used."
        )
        findings.append(_found("no_permissions_policy", "info", message))
    return findings


def _cookies(page: Answer) -> list[Finding]:
    """Names alone are shown: a value may be a session."""
    findings = []
    cookies = [(each.partition("=")[0].strip(), _attributes(each)) for each in page.cookies]
    if page.place.scheme == "https" and (bare := [name for name, said in cookies if "secure" not in said]):
        message = "Cookies are sent without encryption too: set Secure."
        findings.append(_found("cookie_not_secure", "high", message, examples(bare)))
    if bare := [name for name, said in cookies if "httponly" not in said]:
        message = "Scripts can read cookies: set HttpOnly where no script needs them."
        findings.append(_found("cookie_for_scripts", "low", message, examples(bare)))
    if bare := [name for name, said in cookies if "samesite" not in said]:
        message = "Cookies do not say whether other sites' requests carry them: set SameSite."
        findings.append(_found("cookie_no_samesite", "low", message, examples(bare)))
    return findings


def _attributes(cookie: str) -> set[str]:
    return {each.partition("=")[0].strip().lower() for each in cookie.split(";")[1:]}


def _sharing(page: Answer) -> list[Finding]:
    origin = page.header("access-control-allow-origin")
    if origin not in ("*", "null") or page.header("access-control-allow-credentials").lower() != "true":
        return []
    message = "Any site may read this one in its visitors' names: name the origins in Access-Control-Allow-Origin."
    return [_found("open_to_all", "high", message, f"Access-Control-Allow-Origin: {origin}")]


def _disclosure(page: Answer) -> list[Finding]:
    told = [
        f"{name}: {page.header(name)}" for name in ("server", "x-powered-by", "x-aspnet-version") if page.header(name)
    ]
    told = [each for each in told if _VERSION.search(each)]
    if not told:
        return []
    return [
        _found("versions_told", "low", "Headers tell versions, which eases attacks: leave them out.", examples(told))
    ]
