"""Fetches one URL at an address that was checked, within limits, and takes the time of each part."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import httpx

from jobforge.autopilot.scanning.answers import MIB, Answer, Timing
from jobforge.autopilot.scanning.failures import TargetMisbehaves, TargetTimeout, TargetUnreachable, TlsFailed
from jobforge.autopilot.scanning.places import Place
from jobforge.autopilot.scanning.routes import Routes

EVERY_CIPHER = "ALL:!aNULL:@SECLEVEL=0"
"""Of OpenSSL, but for those that need no certificate."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_AGENT = "JobForge-Autopilot/1 (site scan)"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one answer may take: seconds for it as a whole, bytes of its body as they come over the wire."""

    patience: float = 10.0
    page_bytes: int = 5 * MIB
    resource_bytes: int = 2 * MIB
    redirects: int = 5
    resources: int = 20
    samples: int = 5


class Fetcher:
    """Fetches for one scan, each time over a connection of its own.

    Certificates are not judged here: a site with a bad one is looked at too, and the check ``ssl`` judges it. Nothing
    secret is sent. Raises a ``TargetTimeout``, ``TargetUnreachable``, ``TlsFailed`` or ``TargetMisbehaves``, and what
    ``Routes`` raises. Redirects are not followed, proxies are not asked.
    """

    def __init__(self, routes: Routes, limits: Limits) -> None:
        self._routes = routes
        self._limits = limits

    async def get(self, place: Place, *, most: int | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """What the place answers to a GET; ``most`` bytes of the body are read."""
        route = await self._routes.to(place)
        patience = self._limits.patience
        try:
            async with asyncio.timeout(patience):
                return await self._first(place, route.addresses, most or self._limits.page_bytes, headers or {})
        except (TimeoutError, httpx.TimeoutException) as error:
            raise TargetTimeout(f"target: {place.authority} did not answer within {patience:g} s") from error
        except httpx.RemoteProtocolError as error:
            raise TargetMisbehaves(f"target: {place.authority} answered what is no HTTP: {error}") from error
        except (httpx.TransportError, ssl.SSLError, OSError) as error:
            if _of_tls(error):
                raise TlsFailed(f"target: {place.authority} agreed on no encryption: {error}") from error
            raise TargetUnreachable(f"target: {place.authority} did not take the connection: {error}") from error

    async def _first(self, place: Place, addresses: tuple[str, ...], most: int, headers: Mapping[str, str]) -> Answer:
        for address in addresses:
            try:
                return await _fetched(place, address, self._limits.patience / len(addresses), most, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if address == addresses[-1]:
                    raise
        raise AssertionError("a route has an address")


async def _fetched(place: Place, address: str, patience: float, most: int, headers: Mapping[str, str]) -> Answer:
    seen: dict[str, float] = {}

    async def trace(event: str, _info: Mapping[str, Any]) -> None:
        seen[event] = perf_counter()

    # The caller bounds the time of all of it; only connecting has a share, so that the next address gets its turn.
    waits = httpx.Timeout(None, connect=patience)
    async with httpx.AsyncClient(verify=lenient_context(), timeout=waits, trust_env=False) as client:
        request = client.build_request(
            "GET",
            httpx.URL(scheme=place.scheme, host=address, port=place.port, raw_path=place.path.encode()),
            headers={
                "Host": place.authority,
                "User-Agent": _AGENT,
                "Accept": "*/*",
                "Accept-Encoding": "gzip",
                **headers,
            },
            extensions={"sni_hostname": place.host, "trace": trace},
        )
        answer = await client.send(request, stream=True)
        try:
            body, truncated = await _body(answer, most)
        finally:
            await answer.aclose()
    return Answer(
        place,
        address,
        answer.status_code,
        {name.lower(): value for name, value in answer.headers.items()},
        tuple(answer.headers.get_list("set-cookie")),
        body,
        truncated,
        _timing(seen, perf_counter()),
    )


async def _body(answer: httpx.Response, most: int) -> tuple[bytes, bool]:
    body = bytearray()
    async for part in answer.aiter_raw():
        body += part
        if len(body) > most:
            return bytes(body[:most]), True
    return bytes(body), False


def _timing(seen: Mapping[str, float], ended: float) -> Timing:
    began = seen["connection.connect_tcp.started"]
    connected = seen["connection.connect_tcp.complete"]
    secured = seen.get("connection.start_tls.complete")
    return Timing(
        connect=connected - began,
        tls=None if secured is None else secured - connected,
        first_byte=seen["http11.receive_response_headers.complete"] - (secured or connected),
        total=ended - began,
    )


def lenient_context() -> ssl.SSLContext:
    """Takes any certificate, and old protocols and ciphers too: what it sees is judged afterwards."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers(EVERY_CIPHER)
    return context


def _of_tls(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error is not None
