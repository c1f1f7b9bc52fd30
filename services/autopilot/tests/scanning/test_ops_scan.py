"""A scan of a real site gives a verdict, a report for people, and what changed since the last one."""

import json
import socket
import zlib
from typing import Any
from uuid import UUID

import pytest
from lxml import html
from pydantic import ValidationError

from jobforge.autopilot.scanning import observing, pages
from jobforge.autopilot.scanning.answers import MIB
from jobforge.autopilot.scanning.failures import (
    PageTooCostly,
    TargetMisbehaves,
    TargetTimeout,
    TargetUnreachable,
    TlsFailed,
)
from jobforge.autopilot.scanning.fetching import Limits
from jobforge.autopilot.templates.ops_scan import Inputs
from jobforge.execution.errors import ChildDied
from jobforge.testkit.dying import DiesOf
from jobforge.testkit.sites import Reply, serving

Good = dict[str, Reply]


async def test_the_guides_scan_checks_what_it_lists_in_its_order(scan: Any, good: Good) -> None:
    """The list beats the scan type."""
    with serving(good) as site:
        outputs = await scan.site(site, "ssl", "cdn", "cache", scan_type="performance")
    assert [each.name for each in outputs.checks] == ["ssl", "cdn", "cache"]
    assert outputs.verdict == "fail"
    assert outputs.score == (40 + 100 + 100) // 3


@pytest.mark.parametrize(
    ("scan_type", "checks"),
    [
        ("performance", ["performance", "cache", "cdn"]),
        ("security", ["ssl", "headers"]),
        ("full", ["ssl", "headers", "cache", "cdn", "performance", "accessibility"]),
    ],
)
async def test_a_scan_type_has_checks_of_its_own(scan: Any, good: Good, scan_type: str, checks: list[str]) -> None:
    """Unless some are listed."""
    with serving(good) as site:
        outputs = await scan.site(site, scan_type=scan_type)
    assert [each.name for each in outputs.checks] == checks


async def test_the_report_is_one_page_with_verdict_findings_and_evidence(scan: Any, good: Good) -> None:
    """It loads nothing from anywhere; the same stands in a file for programs."""
    del good["/"].headers["Content-Security-Policy"]
    with serving(good) as site:
        outputs = await scan.site(site)
    data, kind = scan.job.artifacts["report.html"]
    page = html.document_fromstring(data.decode())
    text = " ".join(page.text_content().split())
    assert kind == "text/html"
    assert f"{outputs.score} / 100" in text
    assert all(each.message in text for check in outputs.checks for each in check.findings)
    assert "static subset" in text
    assert "No earlier scan" in text
    assert not page.xpath("//script | //link | //img | //iframe")
    told = json.loads(scan.job.artifacts["report.json"][0])
    assert told["checks"] == outputs.model_dump(mode="json")["checks"]
    assert scan.job.metrics["score"] == outputs.score


async def test_what_a_site_says_stands_in_the_report_as_text(scan: Any, good: Good) -> None:
    """A header or an attribute cannot put a script into what is sent to a customer."""
    good["/"].headers["Server"] = "<script>alert(1.0)</script>"
    good["/"].body = good["/"].body.replace(b'alt="A lamp"', b"title='' onclick='<script>alert(2)</script>'")
    with serving(good) as site:
        await scan.site(site, "headers", "accessibility")
    page = scan.job.artifacts["report.html"][0].decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1.0)" in page


async def test_a_page_that_kills_its_reader_costs_its_own_attempt_alone(
    scan: Any, good: Good, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child dies; nothing is kept for the trend."""
    monkeypatch.setattr(observing, "read_page", DiesOf("poison", pages.read_page))
    good["/"] = Reply(b"<html>poison</html>")
    with serving(good) as site, pytest.raises(ChildDied):
        await scan.site(site, "accessibility")
    assert scan.job.artifacts == {}
    assert await scan.history.earlier("acme", site.url(), UUID(int=2)) == []


@pytest.mark.parametrize(
    "body", [b"", b" ", b"<!-- -->", b"\0", b"\xff\xfe", b"<div>" * 100_000, b"<html lang='\xed\xa0\x80'>", b"plain"]
)
@pytest.mark.parametrize("charset", ["utf-8", "utf-7", "no-such", "rot13"])
async def test_a_page_that_is_hardly_one_is_read_all_the_same(scan: Any, body: bytes, charset: str) -> None:
    """Nothing, noise, and ten thousand levels; character sets that do not exist."""
    facts = await scan.job.in_process(pages.read_page, body, "", f"text/html; charset={charset}")
    assert facts.title == ""


async def test_a_page_of_too_many_elements_is_page_too_costly_and_no_syntax_error(scan: Any) -> None:
    """The parser runs out of memory, which it calls a syntax error; its child takes the next page."""
    with pytest.raises(PageTooCostly, match="more memory"):
        await scan.job.in_process(pages.read_page, b"<p>" * 1_000_000, "", "text/html", 32 * MIB)
    assert (await scan.job.in_process(pages.read_page, b"<title>next", "", "text/html")).title == "next"


def test_a_body_that_unpacks_to_too_much_is_cut() -> None:
    """A few kilobytes that would be a gigabyte."""
    bomb = zlib.compress(bytes(50_000_000), 9, wbits=31)
    assert len(pages.unpacked(bomb, "gzip", 1_000)) == 1_000
    assert pages.unpacked(b"no gzip", "gzip") == b"no gzip"


async def test_a_site_that_nobody_serves_is_asked_again_later(scan: Any) -> None:
    """Nothing listens on the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(TargetUnreachable, match=str(port)):
        await scan.at(scan.scanner(f"http://localhost:{port}/"))


async def test_a_site_that_agrees_on_no_encryption_is_asked_again_later_unless_that_is_to_be_judged(scan: Any) -> None:
    """It speaks no TLS on its https port; to the check ``ssl`` that is a finding."""
    with serving({"/": Reply()}) as site:
        site.scheme = "https"
        with pytest.raises(TlsFailed, match="agreed on no encryption"):
            await scan.site(site, "headers")
        assert TlsFailed.code == "target.tls_failed"
        assert (await scan.site(site, "ssl")).verdict == "fail"


async def test_a_site_that_never_answers_is_given_up_in_time(scan: Any) -> None:
    """It takes the connection and stays silent."""
    scan.limits = Limits(patience=0.2)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(TargetTimeout, match=r"within 0\.2 s"):
        await scan.at(scan.scanner(f"http://localhost:{server.getsockname()[1]}/"))


async def test_a_site_that_redirects_for_ever_is_given_up(scan: Any) -> None:
    """It names the limit."""
    around = {"/": Reply(status=302, headers={"Location": "/"})}
    with serving(around) as site, pytest.raises(TargetMisbehaves, match="more than 5 times"):
        await scan.site(site, "headers")
    assert len(site.asked) == 6


@pytest.mark.parametrize(
    "wrong", [{"target": ""}, {"checks": ["ssl", "ssl"]}, {"checks": ["ports"]}, {"scan_type": "all"}, {"depth": 3}]
)
def test_inputs_that_ask_for_something_else_are_refused(wrong: dict[str, Any]) -> None:
    """By field."""
    with pytest.raises(ValidationError):
        Inputs.model_validate({"target": "production", **wrong})
