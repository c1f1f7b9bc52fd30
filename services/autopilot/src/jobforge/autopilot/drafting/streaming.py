"""Reads a streamed answer within bounds, and tells from its status whether another try may help."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
from httpx_sse import EventSource, SSEError

from jobforge.autopilot.drafting.failures import ModelOverloaded, ModelRejected, ModelUnavailable, ModelUnusable
from jobforge.autopilot.drafting.matching import hidden

MOST_BYTES = 8 * 1024 * 1024
"""Of one answer, with everything around its words."""
_TELLS = 300
_LONGEST_WAIT = timedelta(minutes=10)


async def check(response: httpx.Response, address: str, key: str) -> None:
    """Raises for any status but 200. What the endpoint says is quoted, but never the key."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ModelUnusable(f"{address} compresses its answer, which was not asked for")
    response.stream = _Bounded(response.stream)
    if response.status_code == 200:
        return
    why = f"{address} answered {response.status_code}: {await _said(response, key)}"
    if response.status_code == 429:
        raise ModelOverloaded(why, after=retry_after(response.headers))
    if response.status_code == 408 or response.status_code >= 500:
        raise ModelUnavailable(why, after=retry_after(response.headers))
    raise ModelRejected(f"{why} (see JOBFORGE_LLM_URL, JOBFORGE_LLM_API_KEY and JOBFORGE_LLM_MODEL)")


async def events(response: httpx.Response) -> AsyncIterator[str]:
    """The data of each server-sent event; raises ``ModelUnusable`` for any other answer."""
    try:
        async for event in EventSource(response).aiter_sse():
            if event.data:
                yield event.data
    except SSEError:
        raise ModelUnusable(
            f"the endpoint does not stream: it answers {response.headers.get('content-type', 'without a type')!r} "
            f"(JOBFORGE_LLM_URL)"
        ) from None


def retry_after(headers: httpx.Headers) -> timedelta | None:
    """How long ``Retry-After`` asks to wait, in seconds or until a date; at most what a retry may wait."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return min(timedelta(seconds=min(int(said[:9]), 10**6)), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(said)
    except (ValueError, TypeError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(timedelta(0), min(until - datetime.now(UTC), _LONGEST_WAIT))


async def _said(response: httpx.Response, key: str) -> str:
    said = b""
    async for part in response.aiter_bytes():
        said += part
        if len(said) > 4 * _TELLS:
            break
    return hidden(said.decode(errors="replace"), key)[:_TELLS]


class _Bounded(httpx.AsyncByteStream):
    """A stream that ends with ``ModelUnusable`` when it does not end by itself."""

    def __init__(self, stream: object) -> None:
        assert isinstance(stream, httpx.AsyncByteStream)
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > MOST_BYTES:
                raise ModelUnusable(f"the endpoint answers more than {MOST_BYTES} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
