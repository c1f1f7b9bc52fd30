"""Answers HEAD as GET without the body, for every resource of an app."""

from typing import Any

from jobforge.chassis.metrics import ASGIApp, Receive, Scope, Send


class HeadRequests:
    """ASGI middleware. The app sees a GET whose caller hangs up once the head is out, so nothing streams on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        # From 2.4 on, servers tell of a caller that is gone by an error of send, which would be logged as one.
        asked = {**scope, "method": "GET", "asgi": {**scope.get("asgi", {}), "spec_version": "2.3"}}
        answered = False

        async def head(message: Any) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                if "route" in asked:
                    scope["route"] = asked["route"]
                await send(message)
                await send({"type": "http.response.body", "body": b""})

        async def hung_up() -> Any:
            return {"type": "http.disconnect"} if answered else await receive()

        await self._app(asked, hung_up, head)
