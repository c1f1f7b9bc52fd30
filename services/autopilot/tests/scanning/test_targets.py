"""Only what is registered or allowed is scanned, at the addresses that were checked."""

from pathlib import Path
from typing import Any

import pytest

from jobforge.autopilot.scanning.failures import TargetNotAllowed
from jobforge.autopilot.scanning.places import place_of
from jobforge.autopilot.scanning.routes import resolve
from jobforge.autopilot.scanning.targets import (
    Registered,
    TargetSettings,
    TargetsFileInvalid,
    registered,
    targets_of,
)
from jobforge.testkit.sites import Reply, serving

PUBLIC = "93.184.215.14"
ALLOWED = registered(
    [Registered(name="production", url="https://shop.example/")], frozenset({"a.example", "b.example:81"})
)


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("production", "https://shop.example/"),
        ("https://shop.example/lamps?page=2", "https://shop.example/lamps?page=2"),
        ("https://A.example.:443/x", "https://a.example/x"),
        ("http://b.example:81", "http://b.example:81/"),
    ],
)
def test_names_of_the_file_and_urls_on_allowed_hosts_are_targets(target: str, url: str) -> None:
    """So are further pages of a registered site."""
    assert ALLOWED.place(target).url == url


@pytest.mark.parametrize(
    "target",
    [
        "staging", "https://evil.example/", "https://a.example:8443/", "https://a.example.evil.example/",
        "http://shop.example/", "ftp://a.example/", "file:///etc/passwd", "https://user:word@a.example/",
        "https://a.example@evil.example/", "https:///x", "https://a.example:99999/", "//a.example/", "http://[::1",
        "http://127.0.0.1/", "http://169.254.169.254/latest/meta-data/",
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_name(target: str) -> None:
    """Unasked; with the error that never changes."""
    with pytest.raises(TargetNotAllowed, match=r"^target: ") as raised:
        ALLOWED.place(target)
    assert raised.value.code == "target.not_allowed"


def test_targets_are_read_from_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """YAML: name, url, allow_private; allowed hosts stand beside it."""
    file = tmp_path / "targets.yaml"
    file.write_text("- {name: production, url: 'http://127.0.0.1:8000', allow_private: true}\n")
    monkeypatch.setenv("JOBFORGE_TARGETS_FILE", str(file))
    monkeypatch.setenv("JOBFORGE_AUTOPILOT_ALLOWED_HOSTS", "Shop.example, ")
    targets = targets_of(TargetSettings())
    assert targets.place("production").url == "http://127.0.0.1:8000/"
    assert targets.private == {("127.0.0.1", 8000)}
    assert targets.hosts == {"shop.example"}


@pytest.mark.parametrize(
    "text",
    [
        "production: http://a.example/", "- {name: a}", "- {name: a, url: 'ftp://a.example/'}", "- {[", "- name: 'a b'",
        "- {name: a, url: 'http://a.example/', allow_privat: true}",
        "[{name: a, url: 'http://a.example/'}, {name: a, url: 'http://b.example/'}]", None,
    ],
)  # fmt: skip
def test_a_targets_file_with_an_error_stops_the_service(tmp_path: Path, text: str | None) -> None:
    """The message names the variable."""
    file = tmp_path / "targets.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(TargetsFileInvalid, match=r"^JOBFORGE_TARGETS_FILE: "):
        targets_of(TargetSettings(targets_file=file))


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1"]
)
async def test_a_target_with_an_address_that_is_not_public_is_refused_unless_registered_so(
    scan: Any, address: str
) -> None:
    """Also beside public ones, of which any might be called."""

    async def asked(host: str, port: int) -> list[str]:
        return [PUBLIC, address]

    with pytest.raises(TargetNotAllowed, match="allow_private"):
        await scan.at(scan.scanner("https://shop.example/", allow_private=False, asked=asked))


async def test_the_loopback_by_name_or_number_is_refused_by_this_machines_own_resolver(scan: Any) -> None:
    """However the number is spelt."""
    with serving({"/": Reply()}) as site:
        for host in ("localhost", "127.0.0.1", "2130706433", "0x7f000001", "127.1"):
            scanner = scan.scanner(site.url(host), allow_private=False, asked=resolve)
            with pytest.raises(TargetNotAllowed, match="allow_private"):
                await scan.at(scanner)
    assert site.asked == []


@pytest.mark.parametrize("away", ["http://127.0.0.1:{port}/secret", "http://other.example:{port}/", "//[::1]:{port}/"])
async def test_a_redirect_to_an_address_that_is_not_public_is_refused_at_every_hop(scan: Any, away: str) -> None:
    """Being registered as private opens the target's own host and port, and no other."""

    async def asked(host: str, port: int) -> list[str]:
        return ["127.0.0.1"] if host in ("shop.example", "other.example") else [host]

    with serving({}) as inner, serving({}) as site:
        site.replies["/"] = Reply(status=302, headers={"Location": "/next"})
        site.replies["/next"] = Reply(status=307, headers={"Location": away.format(port=inner.port)})
        with pytest.raises(TargetNotAllowed, match="allow_private"):
            await scan.at(scan.scanner(site.url("shop.example"), asked=asked))
        assert [path for path, _ in site.asked] == ["/", "/next"]
        assert inner.asked == []


async def test_files_of_a_page_at_addresses_that_are_not_public_are_not_fetched(scan: Any) -> None:
    """An image cannot reach what a redirect cannot; the report says so."""

    async def asked(host: str, port: int) -> list[str]:
        return ["127.0.0.1"] if host == "shop.example" else [host]

    with serving({}) as inner, serving({}) as site:
        body = f'<html><img src="http://127.0.0.1:{inner.port}/x.png"><img src="http://169.254.169.254/y"></html>'
        site.replies["/"] = Reply(body.encode())
        outputs = await scan.at(scan.scanner(site.url("shop.example"), asked=asked), checks=["performance"])
        assert inner.asked == []
    (told,) = (each for each in outputs.checks[0].findings if each.id == "performance.files_not_fetched")
    assert told.evidence.count("target.not_allowed") == 2


@pytest.mark.parametrize("reference", ["/" + "x" * 9_000, "/\ud800", "http://" + "a" * 300 + "/\udfff", "http://[x"])
def test_a_reference_that_no_server_would_take_leads_nowhere(reference: str) -> None:
    """It does not end the scan as an error nobody knows."""
    with pytest.raises(TargetNotAllowed):
        place_of("http://a.example/").joined(reference)


def test_a_path_that_would_break_a_request_in_two_is_encoded() -> None:
    """Line ends and spaces of a redirect never reach the wire."""
    assert place_of("http://a.example/x y").path == "/x%20y"
    assert place_of("http://a.example/").joined("/a\r\nHost: b").path == "/aHost:%20b"
