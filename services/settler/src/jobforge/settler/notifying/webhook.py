"""Hands a message to a webhook, at the very address that was checked."""

import asyncio
import socket
import ssl
from datetime import timedelta

import httpx

from jobforge.settler.notifying.failures import Deferred, FarSideAway, NameUnresolved, Rejected, Untrusted
from jobforge.settler.notifying.message import Message, as_json
from jobforge.settler.notifying.targets import Target, check_addresses

_LATER = frozenset({408, 425, 429})


async def post(target: Target, message: Message, *, trust: ssl.SSLContext, patience: float) -> int:
    """The status (2xx) of the answer; raises a ``Retryable`` or ``Terminal`` for any other, or none in time."""
    try:
        async with asyncio.timeout(patience):
            answer = await _posted(target, message, trust, await _addresses(target))
    except (TimeoutError, httpx.TransportError) as error:
        if _untrusted(error):
            raise Untrusted(f"recipient: {target.authority} has no certificate that is trusted here") from error
        raise FarSideAway(f"{target.authority} did not answer within {patience:g} s: {type(error).__name__}") from error
    _judge(target, answer)
    return answer.status_code


async def _addresses(target: Target) -> list[str]:
    """Every address of the host. The name is asked once: what is checked is what is called."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise NameUnresolved(f"recipient: {target.host} has no address; check its spelling") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    check_addresses(target, addresses)
    return addresses


async def _posted(target: Target, message: Message, trust: ssl.SSLContext, addresses: list[str]) -> httpx.Response:
    # No proxy, no redirect: either would call what nobody checked. The caller bounds the time of all of it.
    async with httpx.AsyncClient(verify=trust, timeout=None, trust_env=False) as client:  # noqa: S113
        for address in addresses:
            request = client.build_request(
                "POST",
                httpx.URL(scheme=target.scheme, host=address, port=target.port, raw_path=target.path.encode()),
                content=as_json(message),
                headers={
                    "Host": target.authority,
                    "Content-Type": "application/json",
                    "Idempotency-Key": message.key,
                },
                extensions={"sni_hostname": target.host},
            )
            try:
                answer = await client.send(request, stream=True)
            except httpx.ConnectError:
                if address == addresses[-1]:
                    raise
                continue
            # The body is never read: nothing in it counts, and it may have no end.
            await answer.aclose()
            return answer
    raise AssertionError("a name that resolves has an address")


def _judge(target: Target, answer: httpx.Response) -> None:
    status = answer.status_code
    if status >= 500 or status in _LATER:
        raise Deferred(f"{target.authority} answered {status}", after=_retry_after(answer))
    if not 200 <= status < 300:
        raise Rejected(f"{target.authority} answered {status}; a webhook takes a message with a status from 200 to 299")


def _retry_after(answer: httpx.Response) -> timedelta | None:
    said = answer.headers.get("Retry-After", "")
    return timedelta(seconds=min(int(said), 600)) if said.isascii() and said.isdigit() else None


def _untrusted(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
