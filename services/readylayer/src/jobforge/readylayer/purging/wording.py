"""The requests by which each kind of cache is asked to drop copies."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from jobforge.readylayer.purging.caches import Address, Cache, Kind, address
from jobforge.readylayer.purging.failures import NotSupported

_PER_CALL = 30
"""URLs or tags in one call: what Cloudflare takes on every plan."""
_SPECIAL = ".?+*()$"


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be dropped; ``everything`` stands alone."""

    urls: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; ``path`` comes behind the cache's base address, ``about`` is what it drops."""

    method: str
    path: str
    about: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    absent_is_fine: bool = False
    """404 and 412 say that the cache held no copy."""


@dataclass(frozen=True, slots=True)
class _Checked:
    urls: list[Address]
    prefixes: list[Address]
    tags: list[str]
    everything: bool


def asks(cache: Cache, wanted: Selection) -> list[Ask]:
    """The requests, in order; raises ``UrlRefused`` and ``NotSupported``."""
    for name in _LACKS[cache.kind]:
        if getattr(wanted, name):
            raise NotSupported(f"{name}: a cache of the kind {cache.kind} drops {_CAN[cache.kind]} only")
    checked = _Checked(
        [address(cache, "urls", url) for url in wanted.urls],
        [address(cache, "prefixes", url) for url in wanted.prefixes],
        list(wanted.tags),
        wanted.everything,
    )
    return list(_WORDED[cache.kind](cache, checked))


def _purges(cache: Cache, wanted: _Checked) -> Iterator[Ask]:
    """A PURGE of each URL, as Varnish, Squid and others take it."""
    for url in wanted.urls:
        yield Ask("PURGE", url.path, str(url), {"Host": url.host}, absent_is_fine=True)


def _locations(cache: Cache, wanted: _Checked) -> Iterator[Ask]:
    """A GET of each URL below the location that has ``proxy_cache_purge``; the cache's own address leads there."""
    for url in wanted.urls:
        yield Ask("GET", url.path, str(url), {"Host": url.host}, absent_is_fine=True)


def _bans(cache: Cache, wanted: _Checked) -> Iterator[Ask]:
    """BAN requests with regular expressions in X-Host, X-Url and X-Cache-Tags, as FOSHttpCache words them."""
    for where in wanted.urls + wanted.prefixes:
        whole = "$" if where in wanted.urls else ""
        yield _ban(str(where), host=f"^{_literal(where.host)}$", url=f"^{_literal(where.path)}{whole}")
    for some in _batches(wanted.tags):
        either = "|".join(map(_literal, some))
        any_host = "|".join(map(_literal, cache.hosts))
        yield _ban(", ".join(some), host=f"^({any_host})$", tags=f"(^|,)({either})(,|$)")
    if wanted.everything:
        for host in cache.hosts:
            yield _ban(f"everything of {host}", host=f"^{_literal(host)}$")


def _ban(about: str, *, host: str, url: str = ".*", tags: str = "") -> Ask:
    # The host is always said: what another site has in the same cache stays.
    headers = {"X-Host": host, "X-Url": url, "X-Content-Type": ".*"}
    return Ask("BAN", "/", about, headers | ({"X-Cache-Tags": tags} if tags else {}))


def _cloudflare(cache: Cache, wanted: _Checked) -> Iterator[Ask]:
    """``POST /zones/<zone>/purge_cache``; a prefix there has no scheme."""
    said: list[tuple[str, list[str]]] = [
        ("files", [str(url) for url in wanted.urls]),
        ("prefixes", [f"{url.host}{url.path}" for url in wanted.prefixes]),
        ("tags", wanted.tags),
    ]
    path, headers = f"/zones/{cache.zone}/purge_cache", {"Authorization": f"Bearer {cache.token.get_secret_value()}"}
    headers["Content-Type"] = "application/json"
    for name, values in said:
        for some in _batches(values):
            yield Ask("POST", path, ", ".join(some), headers, json.dumps({name: some}).encode())
    if wanted.everything:
        yield Ask("POST", path, "everything", headers, b'{"purge_everything":true}')


def _fastly(cache: Cache, wanted: _Checked) -> Iterator[Ask]:
    """``POST /purge/<host><path>`` and ``POST /service/<id>/purge`` with Surrogate-Key."""
    headers, service = {"Fastly-Key": cache.token.get_secret_value()}, f"/service/{cache.zone}"
    for url in wanted.urls:
        yield Ask("POST", f"/purge/{url.host}{url.path}", str(url), headers)
    for some in _batches(wanted.tags):
        yield Ask("POST", f"{service}/purge", ", ".join(some), {**headers, "Surrogate-Key": " ".join(some)})
    if wanted.everything:
        yield Ask("POST", f"{service}/purge_all", "everything", headers)


def _literal(text: str) -> str:
    """The text as a regular expression without backslashes and blanks, which a ban expression would read itself."""
    return "".join(f"[{letter}]" if letter in _SPECIAL else letter for letter in text)


def _batches(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _PER_CALL):
        yield values[start : start + _PER_CALL]


_WORDED: dict[Kind, Callable[[Cache, _Checked], Iterator[Ask]]] = {
    "purge": _purges,
    "ban": _bans,
    "nginx": _locations,
    "cloudflare": _cloudflare,
    "fastly": _fastly,
}
_LACKS: dict[Kind, tuple[str, ...]] = {
    "purge": ("prefixes", "tags", "everything"),
    "ban": (),
    "nginx": ("prefixes", "tags", "everything"),
    "cloudflare": (),
    "fastly": ("prefixes",),
}
_CAN: dict[Kind, str] = {
    "purge": "urls",
    "ban": "",
    "nginx": "urls",
    "cloudflare": "",
    "fastly": "urls, tags and everything",
}
