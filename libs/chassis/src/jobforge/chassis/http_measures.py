"""Counts an app's answered requests and how long they took."""

from time import perf_counter
from typing import Any

from jobforge.chassis.metrics import HTTP_REQUESTS, HTTP_SECONDS, ASGIApp, Receive, Scope, Send, child

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HttpMeasures:
    """ASGI middleware, outside all others. A stream counts when its head is out, however long it goes on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "other"  # labels must stay few
        started = perf_counter()

        async def measured(message: Any) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "other")
                child(HTTP_REQUESTS, route, method, str(message["status"])).inc()
                child(HTTP_SECONDS, route).observe(perf_counter() - started)
            await send(message)

        await self._app(scope, receive, measured)
