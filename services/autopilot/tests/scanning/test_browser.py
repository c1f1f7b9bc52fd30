"""A browser sees what HTML alone does not tell; without one a scan says so."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from jobforge.autopilot.scanning import axe
from jobforge.autopilot.scanning.browser import Browser, BrowserInvalid, BrowserSettings, browser_of
from jobforge.autopilot.scanning.history import Result, trend
from jobforge.autopilot.scanning.results import judged
from jobforge.autopilot.scanning.visits import Examined, Violation
from jobforge.testkit.sites import Reply, serving

Good = dict[str, Reply]
PALE = b"""<!doctype html><html lang="en"><head><title>Shop</title></head><body><main><h1>Shop</h1>
<img src="/lamp.webp"><p style="color:#bbb;background:#fff">Pale words</p></main></body></html>"""

RULES = "https://dequeuniversity.com/rules/axe/4.12"
TOLD: dict[str, Any] = {
    "id": "image-alt", "impact": "critical", "help": "Images must have alternative text",
    "help_url": f"{RULES}/image-alt", "criteria": ["1.1.1"], "elements": 1,
    "targets": ["img"],
}  # fmt: skip


async def test_axe_core_passes_a_page_in_order_and_the_report_says_that_it_looked(
    scan: Any, good: Good, chromium: Browser
) -> None:
    """By the address that the scan checked: the name has none outside of it."""
    good["/site.css"].body = b"a { color: #003366 }"
    with serving(good) as site:
        outputs = await scan.in_browser(site, chromium, host="shop.example")
    (check,) = outputs.checks
    assert (check.status, check.findings) == ("pass", []), check
    assert check.measured["method"].startswith("axe-core 4.")
    assert check.measured["requests_refused"] == 0
    assert ("/site.js", f"shop.example:{site.port}") in site.asked
    assert f"Accessibility ({check.measured['method']})" in scan.job.artifacts["report.html"][0].decode()
    assert scan.job.tool_versions.keys() == {"axe-core", "chromium"}


async def test_a_browser_sees_what_html_alone_does_not_tell(scan: Any, chromium: Browser) -> None:
    """Pale words; each finding names its elements, and where it is explained."""
    with serving({"/": Reply(PALE)}) as site:
        static = await scan.in_browser(site, Browser(why_not="no Chromium was found on the PATH"))
        scan.job = type(scan.job)()
        outputs = await scan.in_browser(site, chromium)
    assert static.checks[0].measured["method"] == "static subset"
    assert static.checks[0].measured["why_no_browser"] == "no Chromium was found on the PATH"
    assert [each.id for each in static.checks[0].findings] == ["accessibility.no_alt"]
    told = [(each.id, each.severity, each.evidence) for each in outputs.checks[0].findings]
    assert told == [
        ("accessibility.axe.image-alt", "high", f"img; see {RULES}/image-alt"),
        ("accessibility.axe.color-contrast", "medium", f"p; see {RULES}/color-contrast"),
    ]
    assert "(WCAG 1.4.3)" in outputs.checks[0].findings[1].message
    assert "href" not in scan.job.artifacts["report.html"][0].decode(), "addresses stand there as text"


async def test_what_a_field_holds_is_in_no_report_and_no_history(scan: Any, chromium: Browser, tmp_path: Path) -> None:
    """Whichever way it is looked at: a value, a cookie or a text of the page may be about a person."""
    marker = "ada@example.org"
    held = f'<img data-of="{marker}"><p>{marker}</p>'
    fields = f'<input value="{marker}"><input value="bob@example.org"><input placeholder="{marker}">'
    page = PALE.replace(b"</main>", f"{fields}{held}</main>".encode())
    with serving({"/": Reply(page, {"Set-Cookie": f"who={marker}"})}) as site:
        for browser in (Browser(), chromium):
            scan.job = type(scan.job)()
            scanner = replace(scan.scanner(site.url()), browser=browser)
            outputs = await scan.at(scanner, checks=["headers", "accessibility"])
            found = {each.id: each.evidence for each in outputs.checks[1].findings}
            assert {"accessibility.no_label", "accessibility.axe.label"} & found.keys()
            assert marker not in outputs.model_dump_json()
            assert not [name for name, (data, _) in scan.job.artifacts.items() if marker.encode() in data]
    kept = stored(tmp_path)
    assert kept
    assert not [text for text in kept if marker in text]


def stored(folder: Path) -> list[str]:
    """What scans have kept for the trend."""
    return [path.read_text() for path in folder.rglob("scans/acme/*/*.json")]


@pytest.mark.parametrize(
    ("selector", "quoted"),
    [
        (r'input[value="a\"@b"]', "input[value]"),
        ('p[data-of="ada"] > img', "p[data-of] > img"),
        ('a[href="mailto:ada@example.org"]', "a[href]"),
        ('a[href$="c.html?who=ada"]', 'a[href$="c.html"]'),
        ('input[name="q"]:nth-child(2)', 'input[name="q"]:nth-child(2)'),
    ],
)
def test_a_selector_does_not_tell_what_an_element_holds(selector: str, quoted: str) -> None:
    """Where axe-core takes it to tell two elements apart."""
    violation = Violation.model_validate(TOLD | {"targets": [selector]})
    examined = Examined(browser="A", axe="1", violations=(violation,), passed=0, unsure=0)
    assert axe.findings(examined)[0].evidence == f"{quoted}; see {RULES}/image-alt"


def test_a_trend_does_not_compare_a_browser_with_the_static_subset() -> None:
    """They have other findings, whatever became of the page; another version of the browser is compared."""
    subset, old, new = (
        Result(
            run_id=UUID(int=number),
            seen_at=datetime(2026, 11, number, tzinfo=UTC),
            score=100,
            verdict="pass",
            checks=[judged("accessibility", [], {"method": method})],
        )
        for number, method in enumerate(["static subset", "axe-core 4.11 in A", "axe-core 4.12 in B"], 1)
    )
    assert trend(old, [subset]) is None
    compared = trend(new, [subset, old])
    assert compared is not None
    assert compared.compared == ["accessibility"]


def test_a_browser_is_the_one_that_is_named_or_the_first_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or none, and then there is a reason."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser_of(BrowserSettings()).why_not == "no Chromium was found on the PATH"
    for name in ("google-chrome", "chromium"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert browser_of(BrowserSettings()).program == tmp_path / "chromium"
    assert browser_of(BrowserSettings(browser="google-chrome")).program == tmp_path / "google-chrome"
    assert browser_of(BrowserSettings(browser="off")).program is None
    with pytest.raises(BrowserInvalid, match="is no program"):
        browser_of(BrowserSettings(browser="/no/chromium"))


def test_without_the_extra_there_is_no_browser_and_to_name_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason says what to install."""
    monkeypatch.setattr("jobforge.autopilot.scanning.browser.find_spec", lambda name: None)
    assert "without its extra, browser" in browser_of(BrowserSettings()).why_not
    with pytest.raises(BrowserInvalid, match=r"install jobforge-autopilot\[browser\]"):
        browser_of(BrowserSettings(browser=sys.executable))


@pytest.mark.parametrize(
    "changed", [{"id": "<script>"}, {"help_url": "javascript:alert(1)"}, {"help": "x" * 1_000}, {"impact": "fatal"}]
)
def test_an_answer_that_axe_core_would_not_give_is_not_believed(changed: dict[str, str]) -> None:
    """The page's own scripts could have made it."""
    assert Violation.model_validate(TOLD).elements == 1
    with pytest.raises(ValidationError):
        Violation.model_validate({**TOLD, **changed})
