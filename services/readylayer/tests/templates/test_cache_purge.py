"""A real Varnish or nginx drops what it is asked to drop, and keeps the rest."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from jobforge.readylayer.purging.caches import CacheSettings
from jobforge.readylayer.purging.failures import CacheAway, CacheUnknown, Refused, UrlRefused
from jobforge.readylayer.purging.purger import Purger
from jobforge.readylayer.templates.cache_purge import Inputs, Outputs, run
from jobforge.testkit.http_caches import SITE, HttpCache, nginx, varnish

OTHER = "other.example.com"
PAGES = ("/a/1.webp", "/a/2.webp", "/a/1.webp?w=2", "/b/1.webp", "/a/1xwebp")


@pytest.fixture(scope="module")
def cache() -> Iterator[HttpCache]:
    with varnish() as running:
        yield running


@pytest.fixture
def held(cache: HttpCache) -> dict[str, str]:
    """What the cache holds of each page."""
    held = {page: cache.read(page) for page in PAGES}
    assert held == {page: cache.read(page) for page in PAGES}
    return held


async def purge(job: Any, cache: HttpCache, kind: str, /, **inputs: Any) -> Outputs:
    url = f"{cache.url}/purge" if kind == "nginx" else cache.url
    settings = {"caches": {"default": {"kind": kind, "url": url, "hosts": [SITE]}}}
    outputs = await run(Inputs(**inputs), job, purger=Purger(CacheSettings.model_validate(settings)))
    assert isinstance(outputs, Outputs)
    return outputs


def dropped(cache: HttpCache, held: dict[str, str]) -> list[str]:
    return [page for page, body in held.items() if cache.read(page) != body]


async def test_a_purged_url_is_fetched_anew_and_no_other(
    recording_job: Any, cache: HttpCache, held: dict[str, str]
) -> None:
    """PURGE drops the very URL, with its query."""
    urls = (f"https://{SITE}/a/1.webp?w=2", "/b/1.webp")
    done = await purge(recording_job, cache, "purge", urls=urls)
    assert dropped(cache, held) == ["/a/1.webp?w=2", "/b/1.webp"]
    assert (done.purged, done.requests, done.key) == (True, 2, f"{recording_job.run_id}:purge")


async def test_nginx_drops_a_page_at_its_purge_location(recording_job: Any) -> None:
    """A page that it does not hold is absent, and no error."""
    with nginx() as cache:
        held = {page: cache.read(page) for page in PAGES}
        assert held == {page: cache.read(page) for page in PAGES}
        done = await purge(recording_job, cache, "nginx", urls=("/a/1.webp?w=2", "/b/1.webp", "/none"))
        assert done.absent == [f"https://{SITE}/none"]
        assert dropped(cache, held) == ["/a/1.webp?w=2", "/b/1.webp"]


async def test_a_page_that_was_only_read_counts_as_no_purge(recording_job: Any, cache: HttpCache) -> None:
    """Where the address leads to no purge location, what answers 200 is the site itself."""
    with pytest.raises(Refused):
        await purge(recording_job, cache, "nginx", urls=("/a/1.webp",))


@pytest.mark.parametrize(
    ("wanted", "gone"),
    [
        ({"urls": ("/a/1.webp",)}, ["/a/1.webp"]),
        ({"urls": ("/a/1.webp?w=2",)}, ["/a/1.webp?w=2"]),
        ({"prefixes": ("/a/1.w",)}, ["/a/1.webp", "/a/1.webp?w=2"]),
        ({"tags": ("b",)}, ["/b/1.webp"]),
        ({"tags": ("x", "a")}, ["/a/1.webp", "/a/2.webp", "/a/1.webp?w=2", "/a/1xwebp"]),
        ({"tags": ("al",)}, []),
        ({"everything": True}, list(PAGES)),
    ],
)
async def test_a_ban_drops_what_it_names_and_keeps_the_rest(
    recording_job: Any, cache: HttpCache, held: dict[str, str], wanted: dict[str, Any], gone: list[str]
) -> None:
    """URLs letter by letter, prefixes and tags; never what another site has in the same cache."""
    elsewhere = cache.read("/a/1.webp", OTHER)
    await purge(recording_job, cache, "ban", **wanted)
    assert dropped(cache, held) == gone
    assert cache.read("/a/1.webp", OTHER) == elsewhere


async def test_no_url_smuggles_a_ban_of_its_own(recording_job: Any, cache: HttpCache, held: dict[str, str]) -> None:
    """Blanks, quotes and operators stay letters of a path that the cache does not hold."""
    for path in ("/x || obj.http.x-url ~ .", '/x" || req.url ~ "', "/x|.*", "/x\\ || obj.status == 200", "/(.*)"):
        await purge(recording_job, cache, "ban", urls=(path,))
        await purge(recording_job, cache, "ban", prefixes=(path,))
    assert dropped(cache, held) == []


async def test_a_dry_run_drops_nothing_and_says_what_it_would(
    recording_job: Any, cache: HttpCache, held: dict[str, str]
) -> None:
    """It still refuses what could not be purged."""
    recording_job.dry_run = True
    done = await purge(recording_job, cache, "purge", urls=("/a/1.webp",))
    assert (done.purged, done.key, dropped(cache, held)) == (False, None, [])
    assert recording_job.effects["purge"]["drops"] == [f"https://{SITE}/a/1.webp"]
    with pytest.raises(UrlRefused):
        await purge(recording_job, cache, "purge", urls=("http://169.254.169.254/latest/",))


async def test_a_cache_that_lets_nobody_purge_is_a_final_error(recording_job: Any) -> None:
    """405, as Varnish answers whom its acl does not name."""
    with varnish(closed=True) as shut, pytest.raises(Refused, match="default answered 405 to PURGE"):
        await purge(recording_job, shut, "purge", urls=("/a",))


async def test_a_cache_that_is_gone_is_asked_again_later(recording_job: Any) -> None:
    """Nobody listens where it was."""
    with varnish() as gone:
        pass
    with pytest.raises(CacheAway) as raised:
        await purge(recording_job, gone, "purge", urls=("/a",))
    assert raised.value.retryable


async def test_an_unknown_cache_names_the_setting(recording_job: Any, cache: HttpCache) -> None:
    """And those that there are."""
    with pytest.raises(CacheUnknown, match=r"known: default.*JOBFORGE_READYLAYER_CACHES"):
        await purge(recording_job, cache, "purge", cache="edge", urls=("/a",))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"urls": ["/a"], "everything": True},
        {"urls": [""]},
        {"urls": ["/a"] * 501},
        {"tags": ["two words"]},
        {"tags": ["a|.*"]},
        {"urls": ["/a"], "url": "http://10.0.0.1"},
        {"cache": "", "urls": ["/a"]},
    ],
)
def test_inputs_that_name_nothing_or_an_address_are_refused(wrong: dict[str, Any]) -> None:
    """Where a cache is, its settings say, and no input."""
    with pytest.raises(ValidationError):
        Inputs.model_validate(wrong)
