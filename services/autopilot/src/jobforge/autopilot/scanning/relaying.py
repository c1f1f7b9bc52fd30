"""Answers every request of a browser that has no network of its own, by way of the scan's guarded fetcher."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from jobforge.autopilot.scanning.answers import Answer
from jobforge.autopilot.scanning.failures import (
    TargetMisbehaves,
    TargetNotAllowed,
    TargetTimeout,
    TargetUnreachable,
    TargetUnresolvable,
)
from jobforge.autopilot.scanning.fetching import REDIRECTS, Fetcher, Limits
from jobforge.autopilot.scanning.pages import unpacked
from jobforge.autopilot.scanning.places import Place, place_of

if TYPE_CHECKING:
    from playwright.async_api import Request, Route

_OF_TARGET = (TargetMisbehaves, TargetNotAllowed, TargetTimeout, TargetUnreachable, TargetUnresolvable)
_WANTED = frozenset({"document", "stylesheet", "script", "image", "font", "xhr", "fetch"})
_NOT_PASSED_ON = frozenset(
    {"content-encoding", "content-length", "transfer-encoding", "connection", "set-cookie", "alt-svc", "link"}
)
_AT_ONCE = 4


class _Refused(Exception):
    """The page asked for what it does not get."""


class Relay:
    """Fetches what a page asks for: GETs alone, each redirect followed and checked here, all within limits.

    The page itself is opened once; where its scripts lead afterwards is not followed.
    """

    def __init__(self, fetcher: Fetcher, *, requests: int, total_bytes: int) -> None:
        self._fetcher = fetcher
        self._requests = requests
        self._bytes = total_bytes
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._opened = False
        self.loaded = 0
        self.refused = 0

    async def __call__(self, route: "Route") -> None:
        """Give an answer, or none; what became of a page that is gone meanwhile is nobody's concern."""
        from playwright.async_api import Error

        with suppress(Error):
            try:
                answer, body = await self._answered(route.request)
            except (_Refused, *_OF_TARGET):
                self.refused += 1
                await route.abort("blockedbyclient")
                return
            self.loaded += 1
            headers = {name: value for name, value in answer.headers.items() if name not in _NOT_PASSED_ON}
            await route.fulfill(status=answer.status, headers=headers, body=body)

    async def _answered(self, request: "Request") -> tuple[Answer, bytes]:
        is_page = request.is_navigation_request() and request.frame.parent_frame is None
        if request.method != "GET" or request.resource_type not in _WANTED or (is_page and self._opened):
            raise _Refused
        self._opened = self._opened or is_page
        async with self._turn:
            limits = Limits()
            most = limits.page_bytes if is_page else limits.resource_bytes
            answer = await self._followed(place_of(request.url), most, limits.redirects)
        if answer.truncated and not is_page:
            raise _Refused
        return answer, unpacked(answer.body, answer.header("content-encoding"))

    async def _followed(self, place: Place, most: int, redirects: int) -> Answer:
        """The answer behind all redirects; the browser sees none of them, so that it cannot follow one by itself."""
        for _ in range(redirects + 1):
            if self._requests <= 0 or self._bytes <= 0:
                raise _Refused
            self._requests -= 1
            answer = await self._fetcher.get(place, most=min(most, self._bytes))
            self._bytes -= len(answer.body)
            if answer.status not in REDIRECTS or not answer.header("location"):
                return answer
            place = place.joined(answer.header("location"))
        raise _Refused
