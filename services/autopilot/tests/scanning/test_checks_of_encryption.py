"""Every check of how a site is encrypted, on real local servers: one that passes and those that fail."""

import ssl
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from jobforge.autopilot.templates.ops_scan import Outputs
from jobforge.testkit.sites import Authority, Reply, serving

Found = Callable[[Outputs, str], tuple[str, set[str]]]
Good = dict[str, Reply]


async def test_a_certificate_in_order_passes(scan: Any, found: Found, good: Good, authority: Authority) -> None:
    """By its chain, names, dates, protocol and cipher; the site is reached under its own name."""
    with serving(good, authority.server(["shop.example", "*.shop.example"])) as site:
        outputs = await scan.site(site, "ssl", "headers", host="www.shop.example")
    assert found(outputs, "ssl") == ("pass", set())
    assert found(outputs, "headers") == ("pass", set())
    measured = outputs.checks[0].measured
    assert measured["protocol"] == "TLSv1.3"
    assert measured["names"] == ["shop.example", "*.shop.example"]
    assert measured["days_left"] in (59, 60)
    assert {host for _, host in site.asked} == {f"www.shop.example:{site.port}"}


@pytest.mark.parametrize(
    ("certificate", "finding"),
    [
        ({"days": -1}, "expired"),
        ({"days": 3}, "expires_soon"),
        ({"names": ["other.example"]}, "wrong_name"),
        ({"signed_by": "itself"}, "untrusted"),
        ({"signed_by": "unsent intermediate"}, "untrusted"),
        ({"key": "short"}, "weak_key"),
    ],
)
async def test_a_certificate_that_browsers_refuse_fails_for_its_own_reason(
    scan: Any, found: Found, good: Good, authority: Authority, certificate: dict[str, Any], finding: str
) -> None:
    """And for that alone; the rest of the site is still looked at."""
    if certificate.get("key"):
        certificate["key"] = rsa.generate_private_key(65537, 1024)
    with serving(good, authority.server(**certificate)) as site:
        outputs = await scan.site(site, "ssl", "headers")
    assert found(outputs, "ssl") == ("fail", {finding})
    assert found(outputs, "headers") == ("pass", set())
    assert outputs.verdict == "fail"


async def test_a_certificate_with_every_fault_has_all_of_them_named(
    scan: Any, found: Found, good: Good, authority: Authority
) -> None:
    """OpenSSL stops at the first; a report does not."""
    with serving(good, authority.server(["other.example"], days=-1, signed_by="itself")) as site:
        outputs = await scan.site(site, "ssl")
    assert found(outputs, "ssl") == ("fail", {"expired", "wrong_name", "untrusted"})


@pytest.mark.parametrize(
    ("newest", "status", "finding"),
    [(ssl.TLSVersion.TLSv1_1, "fail", "protocol_obsolete"), (ssl.TLSVersion.TLSv1_3, "warn", "protocol_old")],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_obsolete_protocols_are_found(
    scan: Any, found: Found, good: Good, authority: Authority, newest: ssl.TLSVersion, status: str, finding: str
) -> None:
    """Alone they fail a site; beside modern ones they are a warning."""
    context = authority.server()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = newest
    with serving(good, context) as site:
        outputs = await scan.site(site, "ssl")
    said, findings = found(outputs, "ssl")
    assert said == status
    assert finding in findings


async def test_a_cipher_without_forward_secrecy_is_a_warning(
    scan: Any, found: Found, good: Good, authority: Authority
) -> None:
    """Plain RSA, in CBC mode."""
    context = authority.server(key=rsa.generate_private_key(65537, 2048))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA")
    with serving(good, context) as site:
        outputs = await scan.site(site, "ssl")
    assert found(outputs, "ssl") == ("warn", {"no_forward_secrecy", "weak_cipher"})


async def test_a_site_without_encryption_fails_ssl(scan: Any, found: Found, good: Good) -> None:
    """It was asked for."""
    with serving(good) as site:
        assert found(await scan.site(site, "ssl"), "ssl") == ("fail", {"absent"})


async def test_a_handshake_that_fails_is_a_finding_and_the_other_checks_say_why_they_did_not_look(
    scan: Any, found: Found
) -> None:
    """A server that speaks no TLS on its https port."""
    with serving({"/": Reply()}) as site:
        site.scheme = "https"
        outputs = await scan.site(site, "ssl", "headers")
    assert found(outputs, "ssl") == ("fail", {"failed"})
    assert found(outputs, "headers")[0] == "skipped"
    assert outputs.page_url is None
