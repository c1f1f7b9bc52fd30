"""A good site, and scans of sites that a test serves."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from jobforge.autopilot.scanning.browser import PROGRAMS, Browser, BrowserSettings, browser_of
from jobforge.autopilot.scanning.fetching import Limits
from jobforge.autopilot.scanning.history import History
from jobforge.autopilot.scanning.observing import Scanner
from jobforge.autopilot.scanning.targets import Registered, registered
from jobforge.autopilot.scanning.visits import VisitLimits
from jobforge.autopilot.templates.ops_scan import Inputs, Outputs, run
from jobforge.native.ports import LOOPBACK
from jobforge.testkit.recording_job import RecordingJob
from jobforge.testkit.sites import Authority, Reply, Site

GOOD_PAGE = b"""<!doctype html><html lang="en"><head><title>Shop</title><link rel="stylesheet" href="/site.css">
<script src="/site.js" defer></script></head><body><main><h1>Shop</h1><h2>Lamps</h2><img src="/lamp.webp" alt="A lamp">
<form><label for="q">Search</label><input id="q" name="q"></form><a href="/all">All lamps</a></main></body></html>"""
SAFE = {
    "Strict-Transport-Security": "max-age=31536000",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=()",
}
KEPT = {"Cache-Control": "max-age=86400", "Vary": "Accept-Encoding"}


@pytest.fixture
def good() -> dict[str, Reply]:
    """A site with nothing to find, but for what its transport lacks; a shared cache stands before it."""
    hit = {**KEPT, "Age": "30", "X-Cache": "HIT"}
    return {
        "/": Reply(GOOD_PAGE, {**SAFE, **hit, "Cache-Control": "max-age=60"}, validated=True, packed=True),
        "/site.css": Reply(b"a{color:red}" * 200, kind="text/css", packed=True, headers=hit, validated=True),
        "/site.js": Reply(b"let a=1;" * 200, kind="text/javascript", packed=True, headers=hit, validated=True),
        "/lamp.webp": Reply(b"RIFF" * 500, kind="image/webp", headers=hit, validated=True),
    }


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def on_loopback(host: str, port: int) -> list[str]:
    """Every name is this machine's, as a test's resolver sees it."""
    return [LOOPBACK]


@dataclass
class Scan:
    """Scans a site that is registered with ``allow_private``, unless a scanner is given."""

    folder: Path
    authorities: Path
    job: RecordingJob = field(default_factory=RecordingJob)
    limits: Limits = field(default_factory=lambda: Limits(patience=60, samples=3))

    @property
    def history(self) -> History:
        return History((self.folder / "artifacts").as_uri())

    def scanner(self, *urls: str, allow_private: bool = True, asked: Any = on_loopback) -> Scanner:
        """Targets ``production``, then ``production-1`` and so on."""
        entries = [
            Registered(
                name="production" if not number else f"production-{number}", url=url, allow_private=allow_private
            )
            for number, url in enumerate(urls)
        ]
        return Scanner(registered(entries), self.limits, self.authorities, asked)

    async def site(self, site: Site, *checks: str, host: str = "localhost", **inputs: Any) -> Outputs:
        """The outputs for a site that is the target ``production``."""
        return await self.at(self.scanner(site.url(host)), checks=checks, **inputs)

    async def in_browser(self, site: Site, browser: Browser, *others: str, host: str = "localhost") -> Outputs:
        """For accessibility alone; ``others`` are URLs of further targets."""
        scanner = replace(self.scanner(site.url(host), *others), browser=browser)
        return await self.at(scanner, checks=["accessibility"])

    async def at(self, scanner: Scanner, **inputs: Any) -> Outputs:
        given = Inputs.model_validate({"target": "production", **inputs})
        outputs: Outputs = await run(given, self.job, scanner=scanner, history=self.history)
        return outputs


@pytest.fixture
def scan(tmp_path: Path, authority: Authority) -> Scan:
    return Scan(tmp_path, authority.file)


@pytest.fixture
def found() -> Callable[[Outputs, str], tuple[str, set[str]]]:
    """A check's status, and the ids of its findings without the check's name."""

    def of(outputs: Outputs, name: str) -> tuple[str, set[str]]:
        (check,) = (each for each in outputs.checks if each.name == name)
        return check.status, {each.id.removeprefix(f"{name}.") for each in check.findings if each.severity != "info"}

    return of


@pytest.fixture
def chromium() -> Browser:
    """The machine's own."""
    if not any(map(shutil.which, PROGRAMS)):
        pytest.skip("no Chromium: apt-get install chromium")
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    namespaces = subprocess.run([*as_nobody, "unshare", "--user", "true"], capture_output=True, check=False)
    return replace(
        browser_of(BrowserSettings()), sandboxed=namespaces.returncode == 0, limits=VisitLimits(seconds=120, loading=30)
    )
