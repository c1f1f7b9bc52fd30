"""Each check passes a site that is in order, and fails or warns of one that is not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobforge.autopilot.scanning.answers import Answer, Timing
from jobforge.autopilot.scanning.checks import performance
from jobforge.autopilot.scanning.places import place_of
from jobforge.autopilot.scanning.sightings import Sightings
from jobforge.autopilot.templates.ops_scan import Outputs
from jobforge.testkit.sites import Authority, Reply, Site, serving

Found = Callable[[Outputs, str], tuple[str, set[str]]]
Good = dict[str, Reply]
BAD_PAGE = b"""<!doctype html><html><head><meta name="viewport" content="width=device-width, user-scalable=no">
<script src="/gone.js"></script></head><body><h2>Shop</h2><h4>Lamps</h4><img src="/gone.webp"><input id="q">
<a href="/x"></a><button></button><iframe src="/y"></iframe><p id="a"></p><p id="a"></p></body></html>"""


@pytest.mark.parametrize("name", ["headers", "cache", "cdn", "performance", "accessibility"])
async def test_a_site_in_order_passes(scan: Any, found: Found, good: Good, name: str) -> None:
    """Nothing is found; what was measured is there."""
    with serving(good) as site:
        outputs = await scan.site(site, name)
    assert found(outputs, name) == ("pass", set())
    assert outputs.checks[0].measured
    assert (outputs.score, outputs.verdict) == (100, "pass")


async def test_headers_that_protect_nobody_are_found(scan: Any, found: Found, authority: Authority) -> None:
    """Cookies are named, their values never shown."""
    headers = {
        "Set-Cookie": "session=s3cret; Path=/",
        "Access-Control-Allow-Origin": "null",
        "Access-Control-Allow-Credentials": "true",
        "X-Powered-By": "PHP/5.6.40",
    }
    with serving({"/": Reply(b"<html></html>", headers)}, authority.server()) as site:
        outputs = await scan.site(site, "headers")
    status, findings = found(outputs, "headers")
    assert status == "fail"
    assert findings == {
        "no_hsts", "no_csp", "framable", "sniffable", "no_referrer_policy", "cookie_not_secure", "cookie_for_scripts",
        "cookie_no_samesite", "open_to_all", "versions_told",
    }  # fmt: skip
    assert "s3cret" not in outputs.model_dump_json()
    assert b"s3cret" not in scan.job.artifacts["report.html"][0]


async def test_a_site_whose_answers_cannot_be_kept_fails_cache(scan: Any, found: Found, good: Good) -> None:
    """It has an ETag but sends everything again, uncompressed."""
    tag = {"ETag": '"always-the-same"'}
    good["/"] = Reply(good["/"].body + b" " * 2_000, tag)
    good["/site.css"] = Reply(b"a{}" * 1_000, {"Cache-Control": "no-store"}, kind="text/css")
    good["/site.js"] = Reply(b"1;" * 1_000, {"Cache-Control": "max-age=60"}, kind="text/javascript", packed=True)
    with serving(good) as site:
        outputs = await scan.site(site, "cache")
    assert found(outputs, "cache") == (
        "fail",
        {
            "page_unsaid", "files_barred", "files_brief", "no_validator", "conditional_ignored", "uncompressed",
            "vary_missing",
        },
    )  # fmt: skip
    assert (outputs.checks[0].measured["conditional_requests"], outputs.checks[0].measured["answered_304"]) == (2, 1)


async def test_a_site_without_a_shared_cache_fails_cdn_and_one_that_never_hits_is_warned(
    scan: Any, found: Found, good: Good
) -> None:
    """Two requests alike tell."""
    bare = {path: Reply(each.body, {}, kind=each.kind) for path, each in good.items()}
    with serving(bare) as site:
        assert found(await scan.site(site, "cdn"), "cdn") == ("fail", {"absent"})
    missing = {
        path: Reply(each.body, {"X-Cache": "MISS", "CF-Ray": "1"}, kind=each.kind) for path, each in good.items()
    }
    scan.job.artifacts.clear()
    with serving(missing) as site:
        outputs = await scan.site(site, "cdn")
    assert found(outputs, "cdn") == ("warn", {"never_hits"})
    assert outputs.checks[0].measured["provider"] == "Cloudflare"


async def test_a_page_that_is_an_error_fails_each_check_that_looks_at_it(scan: Any, found: Found, good: Good) -> None:
    """Its findings would else be read as the shop's."""
    good["/"].status = 503
    with serving(good) as site:
        outputs = await scan.site(site, "performance", "headers", "accessibility")
    assert all("page_broken" in found(outputs, each.name)[1] for each in outputs.checks)
    assert {each.status for each in outputs.checks} == {"fail"}
    assert outputs.page_status == 503


async def test_a_heavy_page_fails_performance(scan: Any, found: Found, good: Good) -> None:
    """An image beyond the limit is cut, and known to be heavier."""
    good["/"] = Reply(BAD_PAGE.replace(b"/gone.webp", b"/lamp.webp"))
    good["/lamp.webp"] = Reply(bytes(3 * 1024 * 1024), kind="image/webp")
    with serving(good) as site:
        outputs = await scan.site(site, "performance")
    assert found(outputs, "performance") == ("fail", {"too_heavy", "blocking_scripts", "broken_files"})
    measured = outputs.checks[0].measured
    assert measured["requests"] == 3
    assert 2 * 1024 * 1024 < measured["weight_bytes"] < 3 * 1024 * 1024
    assert set(measured["first_byte_seconds"]) == {"p50", "p95", "max"}


@pytest.mark.parametrize(("seconds", "status"), [(0.1, "pass"), (1.0, "warn"), (2.0, "fail")])
def test_a_server_that_begins_to_answer_late_is_judged_by_half_of_its_answers(seconds: float, status: str) -> None:
    """One quick or slow answer alone says nothing."""
    place = place_of("https://shop.example/")

    def answered(first_byte: float) -> Answer:
        return Answer(place, "127.0.0.1", 200, {}, (), b"", False, Timing(0.1, 0.1, first_byte, first_byte + 0.3))

    seen = Sightings(
        place,
        datetime.now(UTC) + timedelta(),
        0.01,
        (answered(9),),
        repeats=tuple(map(answered, [seconds, seconds, 0])),
    )
    check = performance.check(seen)
    assert check.status == status
    assert check.measured["first_byte_seconds"] == {"p50": seconds, "p95": 9, "max": 9}


async def test_a_page_that_shuts_people_out_fails_accessibility(scan: Any, found: Found) -> None:
    """The report says which part was looked at."""
    with serving({"/": Reply(BAD_PAGE)}) as site:
        outputs = await scan.site(site, "accessibility")
    assert found(outputs, "accessibility") == (
        "fail",
        {
            "no_language", "no_title", "no_zoom", "no_main", "no_alt", "no_label", "empty_links", "empty_buttons",
            "frames_untitled", "repeated_ids", "no_h1", "heading_jumps",
        },
    )  # fmt: skip
    assert outputs.checks[0].measured["method"] == "static subset"


async def test_what_is_no_page_is_skipped_by_accessibility(scan: Any, found: Found) -> None:
    """It says what it is instead."""
    with serving({"/": Reply(b"{}", kind="application/json")}) as site:
        outputs = await scan.site(site, "accessibility")
    assert found(outputs, "accessibility")[0] == "skipped"
    assert "application/json" in outputs.checks[0].findings[0].message


async def test_an_encrypted_site_that_leads_to_a_page_without_encryption_fails(
    scan: Any, found: Found, good: Good, authority: Authority
) -> None:
    """However good its certificate is."""
    with serving(good) as plain, serving({}, authority.server()) as site:
        site.replies["/"] = Reply(status=301, headers={"Location": plain.url()})
        outputs = await scan.at(scan.scanner(site.url(), plain.url()), checks=["ssl"])
    assert found(outputs, "ssl") == ("fail", {"given_up"})


def redirecting(site: Site, *ways: str) -> None:
    """The site's root leads to the first way, that one to the next."""
    for here, there in zip(("/", *ways), ways, strict=False):
        site.replies[here] = Reply(status=302, headers={"Location": there})


async def test_redirects_are_followed_to_the_page_that_visitors_see(scan: Any, found: Found, good: Good) -> None:
    """Three of them are one too many for performance."""
    with serving({"/shop": good["/"], **{path: each for path, each in good.items() if path != "/"}}) as site:
        redirecting(site, "/a", "/b", "/shop")
        outputs = await scan.site(site, "performance")
    assert outputs.page_url == f"{site.url()}shop"
    assert found(outputs, "performance") == ("warn", {"redirects"})
