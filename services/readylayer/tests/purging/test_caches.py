"""Settings alone say where caches are and what may be purged in them."""

from typing import Any

import pytest
from pydantic import ValidationError

from jobforge.readylayer.purging.caches import Cache, CacheSettings, address
from jobforge.readylayer.purging.failures import CacheUnknown, UrlRefused

CACHE = Cache(kind="purge", url="http://10.0.0.7:6081/", hosts=("www.example.com", "img.example.com:8443"))


@pytest.mark.parametrize(
    ("url", "purged"),
    [
        ("/a/b.webp", "https://www.example.com/a/b.webp"),
        ("http://WWW.example.com", "http://www.example.com/"),
        ("https://img.example.com:8443/é?q=ü#top", "https://img.example.com:8443/%C3%A9?q=%C3%BC"),
        ("/a%20b c", "https://www.example.com/a%20b%20c"),
    ],
)
def test_a_url_is_purged_as_browsers_ask_for_it(url: str, purged: str) -> None:
    """Percent-encoded once, without its fragment; a path is one of the first host."""
    assert str(address(CACHE, "urls", url)) == purged


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example.com/a",
        "http://169.254.169.254/latest/meta-data",
        "//elsewhere.example.com/a",
        "https://www.example.com@evil.example/a",
        "https://user:pass@www.example.com/a",
        "https://www.example.com:444/a",
        "ftp://www.example.com/a",
        "file:///etc/passwd",
        "www.example.com/a",
        "https://[::1/a",
        "https:///a",
    ],
)
def test_a_url_of_any_other_host_is_refused(url: str) -> None:
    """The message says which hosts there are, or how a URL looks."""
    with pytest.raises(UrlRefused, match=r"^urls: "):
        address(CACHE, "urls", url)


def test_no_header_is_smuggled_in_by_a_path() -> None:
    """Line ends never reach the wire."""
    smuggled = str(address(CACHE, "urls", "https://www.example.com/a\r\nX-Evil: 1"))
    assert "\r" not in smuggled
    assert "\n" not in smuggled
    assert " " not in smuggled


def test_a_cache_of_other_tenants_is_as_unknown_as_none() -> None:
    """Nor does the message name it."""
    settings = CacheSettings(caches={"theirs": CACHE.model_copy(update={"tenants": ("other",)})})
    assert settings.cache("theirs", "other").hosts == CACHE.hosts
    with pytest.raises(CacheUnknown, match="known: none"):
        settings.cache("theirs", "acme")


def test_caches_come_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is never shown."""
    monkeypatch.setenv(
        "JOBFORGE_READYLAYER_CACHES",
        '{"edge": {"kind": "fastly", "url": "https://api.fastly.com", "hosts": ["a.example"], "zone": "s", '
        '"token": "secret-token"}}',
    )
    settings = CacheSettings()
    assert settings.cache("edge", "acme").zone == "s"
    assert "secret-token" not in repr(settings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "10.0.0.7:6081"},
        {"url": "ftp://cache"},
        {"url": "http://user:pass@cache"},
        {"hosts": []},
        {"hosts": ["https://www.example.com"]},
        {"kind": "cloudflare"},
        {"kind": "guess"},
        {"zone": "../other", "token": "t"},
    ],
)
def test_a_cache_that_is_not_whole_keeps_the_service_from_starting(wrong: dict[str, Any]) -> None:
    """Rather than fail its first job."""
    with pytest.raises(ValidationError):
        Cache.model_validate({"kind": "purge", "url": "http://cache", "hosts": ["www.example.com"], **wrong})
