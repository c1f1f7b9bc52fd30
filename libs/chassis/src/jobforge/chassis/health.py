"""Whether a service lives and is ready, from checks that really ask."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import orjson

from jobforge.chassis.metrics import ASGIApp, Receive, Scope, Send, metrics_route
from jobforge.chassis.redaction import redact_text

CHECK_TIMEOUT = 2.0
"""Seconds that one check may take."""

Check = Callable[[], Awaitable[object]]
"""Returns when all is well and raises otherwise; the exception's text is shown."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check said; ``problem`` is None when all is well."""

    name: str
    problem: str | None


class Health:
    """The checks of one service and the routes that show them.

    A failing liveness check asks the supervisor to restart the process; a failing readiness check only keeps work
    away. So a check of something outside the process (Kafka, Redis) belongs to readiness.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._live: dict[str, Check] = {}
        self._ready: dict[str, Check] = {}

    def live(self, name: str, check: Check) -> None:
        """Add a check that fails when only a restart helps."""
        _add(self._live, name, check)

    def ready(self, name: str, check: Check) -> None:
        """Add a check that fails while the service cannot do its work."""
        _add(self._ready, name, check)

    async def liveness(self) -> tuple[Finding, ...]:
        """Run the liveness checks, all at once."""
        return await _run(self._live)

    async def readiness(self) -> tuple[Finding, ...]:
        """Run the readiness checks, all at once."""
        return await _run(self._ready)

    def routes(self) -> list[tuple[str, ASGIApp]]:
        """``/livez``, ``/readyz`` and ``/metrics`` as ASGI apps: 200 when every check passes, else 503."""
        return [
            ("/livez", _Answer(self._service, self.liveness)),
            ("/readyz", _Answer(self._service, self.readiness)),
            ("/metrics", metrics_route()),
        ]


class _Answer:
    """An object, not a function: routers take functions for handlers of their own kind."""

    def __init__(self, service: str, findings: Callable[[], Awaitable[tuple[Finding, ...]]]) -> None:
        self._service = service
        self._findings = findings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        findings = await self._findings()
        well = all(finding.problem is None for finding in findings)
        body = orjson.dumps(
            {
                "service": self._service,
                "status": _status(well),
                "checks": {
                    finding.name: {"status": _status(finding.problem is None), "problem": finding.problem}
                    for finding in findings
                },
            }
        )
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200 if well else 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _status(well: bool) -> str:
    return "ok" if well else "failing"


def _add(checks: dict[str, Check], name: str, check: Check) -> None:
    if name in checks:
        raise ValueError(f"there is already a check named {name!r}")
    checks[name] = check


async def _run(checks: Mapping[str, Check]) -> tuple[Finding, ...]:
    return tuple(await asyncio.gather(*(_ask(name, check) for name, check in checks.items())))


async def _ask(name: str, check: Check) -> Finding:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            await check()
    except TimeoutError:
        return Finding(name, f"no answer within {CHECK_TIMEOUT:g} s")
    except Exception as error:
        # Whatever a check raises is its finding; the probe must answer.
        return Finding(name, redact_text(f"{type(error).__name__}: {error}")[:500])
    return Finding(name, None)
