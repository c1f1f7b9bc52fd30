"""Caches behind an HTTP API get the requests that its reference names, under the run's key."""

import json
from collections.abc import Iterator

import pytest

from jobforge.execution.errors import JobFailure
from jobforge.readylayer.purging.caches import Cache, CacheSettings
from jobforge.readylayer.purging.failures import CacheAway, Deferred, NotSupported, Refused
from jobforge.readylayer.purging.purger import Purged, Purger
from jobforge.readylayer.purging.wording import Selection, asks
from jobforge.testkit.far_sides import Hooks, web_server

HOST = "www.example.com"


@pytest.fixture
def api() -> Iterator[Hooks]:
    with web_server() as hooks:
        hooks.body = b'{"success":true,"errors":[],"result":{"id":"z1"}}'
        yield hooks


async def purge(api: Hooks, kind: str, wanted: Selection, timeout: float = 20) -> Purged:
    given = {"kind": kind, "url": f"http://{api.authority}/v4/", "hosts": [HOST], "zone": "z1", "token": "secret-token"}
    purger = Purger(CacheSettings.model_validate({"caches": {"edge": given}, "purge_timeout": timeout}))
    cache, planned = purger.plan("edge", "acme", wanted)
    return await purger.purge("edge", cache, planned, "run:purge")


async def test_cloudflare_is_sent_files_prefixes_and_tags(api: Hooks) -> None:
    """Thirty in one call, as every plan takes; the token and the key are on each."""
    urls = tuple(f"/{number}" for number in range(31))
    done = await purge(api, "cloudflare", Selection(urls, (f"https://{HOST}/img/",), ("hero",)))
    assert done == Purged(4, [])
    assert {each.path for each in api.received} == {"/v4/zones/z1/purge_cache"}
    assert {each.headers["authorization"] for each in api.received} == {"Bearer secret-token"}
    assert api.keys == ["run:purge"] * 4
    bodies = [json.loads(each.body) for each in api.received]
    assert bodies[0]["files"][0] == f"https://{HOST}/0"
    assert [len(body.get("files", [])) for body in bodies] == [30, 1, 0, 0]
    assert bodies[2:] == [{"prefixes": [f"{HOST}/img/"]}, {"tags": ["hero"]}]


async def test_cloudflare_drops_everything_only_when_told(api: Hooks) -> None:
    """In a call of its own."""
    await purge(api, "cloudflare", Selection(everything=True))
    assert [json.loads(each.body) for each in api.received] == [{"purge_everything": True}]


@pytest.mark.parametrize("body", [b'{"success":false,"errors":[{"code":1}]}', b"<html>", b"[]", b""])
async def test_a_refusal_with_status_200_is_a_refusal(api: Hooks, body: bytes) -> None:
    """Cloudflare's answer counts, not its status alone."""
    api.body = body
    with pytest.raises(Refused):
        await purge(api, "cloudflare", Selection(urls=("/a",)))


async def test_fastly_is_sent_urls_and_surrogate_keys(api: Hooks) -> None:
    """URLs under /purge, tags and everything under the service."""
    await purge(api, "fastly", Selection(urls=("/a b?c=d",), tags=("x", "y")))
    await purge(api, "fastly", Selection(everything=True))
    assert [each.path for each in api.received] == [
        f"/v4/purge/{HOST}/a%20b?c=d",
        "/v4/service/z1/purge",
        "/v4/service/z1/purge_all",
    ]
    assert api.received[1].headers["surrogate-key"] == "x y"
    assert {each.headers["fastly-key"] for each in api.received} == {"secret-token"}


@pytest.mark.parametrize(
    ("status", "headers", "failure"),
    [
        (503, {}, Deferred),
        (429, {"Retry-After": "30"}, Deferred),
        (403, {}, Refused),
        (404, {}, Refused),
        (302, {"Location": "http://169.254.169.254/"}, Refused),
    ],
)
async def test_what_an_api_refuses_for_now_is_tried_again_and_the_rest_is_not(
    api: Hooks, status: int, headers: dict[str, str], failure: type[JobFailure]
) -> None:
    """A redirect is not followed; nothing quotes the token."""
    api.answers.append((status, headers))
    with pytest.raises(failure) as raised:
        await purge(api, "fastly", Selection(urls=("/a",)))
    assert "secret-token" not in str(raised.value)
    assert len(api.received) == 1
    if isinstance(raised.value, Deferred) and "Retry-After" in headers:
        assert raised.value.after is not None
        assert raised.value.after.total_seconds() == 30


async def test_an_answer_that_does_not_come_ends_in_time(api: Hooks) -> None:
    """Nobody knows whether the cache did as asked, so it is asked again under the same key."""
    api.answering.clear()
    with pytest.raises(CacheAway, match=r"within 0\.2 s"):
        await purge(api, "fastly", Selection(urls=("/a",)), timeout=0.2)


@pytest.mark.parametrize(
    ("kind", "wanted", "field"),
    [
        ("purge", Selection(tags=("a",)), "tags"),
        ("purge", Selection(prefixes=("/a",)), "prefixes"),
        ("purge", Selection(everything=True), "everything"),
        ("nginx", Selection(everything=True), "everything"),
        ("fastly", Selection(prefixes=("/a",)), "prefixes"),
    ],
)
def test_what_a_kind_of_cache_cannot_do_is_refused_by_name(kind: str, wanted: Selection, field: str) -> None:
    """Never left out in silence."""
    given = {"kind": kind, "url": "http://cache", "hosts": [HOST], "zone": "z1", "token": "t"}
    with pytest.raises(NotSupported, match=f"^{field}: .*{kind}"):
        asks(Cache.model_validate(given), wanted)
