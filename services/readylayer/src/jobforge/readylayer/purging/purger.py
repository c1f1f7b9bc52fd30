"""The one place where caches are called."""

import asyncio
import json
import ssl
from dataclasses import dataclass
from datetime import timedelta

import httpx

from jobforge.readylayer.purging.caches import Cache, CacheSettings
from jobforge.readylayer.purging.failures import CacheAway, Deferred, Refused, Untrusted
from jobforge.readylayer.purging.wording import Ask, Selection, asks

_LATER = frozenset({408, 425, 429})
_ABSENT = frozenset({404, 412})
_MOST_READ = 64 * 1024


@dataclass(frozen=True, slots=True)
class Purged:
    """What a cache answered: how many requests it took, and what it held no copy of."""

    requests: int
    absent: list[str]


class Purger:
    """Asks caches to drop copies; only those that the settings name, at their own address."""

    def __init__(self, settings: CacheSettings, *, trust: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._trust = trust

    def plan(self, name: str, tenant_id: str, wanted: Selection) -> tuple[Cache, list[Ask]]:
        """The cache and what it will be asked; raises ``CacheUnknown``, ``UrlRefused`` or ``NotSupported``."""
        cache = self._settings.cache(name, tenant_id)
        return cache, asks(cache, wanted)

    async def purge(self, name: str, cache: Cache, planned: list[Ask], key: str) -> Purged:
        """Ask it all, in order, under ``key``; asking again does no harm."""
        absent = []
        self._trust = self._trust or ssl.create_default_context()
        # No proxy and no redirect: either would call what the settings do not name.
        async with httpx.AsyncClient(verify=self._trust, timeout=None, trust_env=False) as client:  # noqa: S113
            for ask in planned:
                if not await self._asked(client, name, cache, ask, key):
                    absent.append(ask.about)
        return Purged(len(planned), absent)

    async def _asked(self, client: httpx.AsyncClient, name: str, cache: Cache, ask: Ask, key: str) -> bool:
        """Whether there was something to drop."""
        patience = self._settings.purge_timeout
        try:
            async with asyncio.timeout(patience):
                status, headers, body = await _sent(client, cache, ask, key)
        except (TimeoutError, httpx.TransportError) as error:
            if _untrusted(error):
                raise Untrusted(f"cache {name} has no certificate that is trusted here") from error
            raise CacheAway(f"cache {name} did not answer within {patience:g} s: {type(error).__name__}") from error
        if ask.absent_is_fine and status in _ABSENT:
            return False
        if status >= 500 or status in _LATER:
            raise Deferred(f"cache {name} answered {status} to {ask.method}", after=_retry_after(headers))
        if not 200 <= status < 300 or not _confirmed(cache, body):
            raise Refused(f"cache {name} answered {status} to {ask.method}; let it take the method from this service")
        return True


async def _sent(client: httpx.AsyncClient, cache: Cache, ask: Ask, key: str) -> tuple[int, httpx.Headers, bytes]:
    request = client.build_request(
        ask.method, cache.base + ask.path, headers={**ask.headers, "Idempotency-Key": key}, content=ask.body
    )
    answer = await client.send(request, stream=True)
    try:
        body = b""
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > _MOST_READ:  # it may have no end
                break
        return answer.status_code, answer.headers, body
    finally:
        await answer.aclose()


def _confirmed(cache: Cache, body: bytes) -> bool:
    """Whether the answer says so, where a status of 200 may mean a refusal or come from a page that was only read."""
    if cache.kind == "nginx":
        return b"key" in body.lower()  # the module names the key that it dropped, in each of its formats
    if cache.kind != "cloudflare":
        return True
    try:
        said = json.loads(body)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("success") is True


def _retry_after(headers: httpx.Headers) -> timedelta | None:
    said = headers.get("Retry-After", "")
    return timedelta(seconds=min(int(said), 600)) if said.isascii() and said.isdigit() else None


def _untrusted(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
