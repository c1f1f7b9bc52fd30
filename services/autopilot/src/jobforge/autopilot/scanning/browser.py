"""Looks at a page in a browser, in a process that can be given up at any time: it costs a finding, never the scan."""

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobforge.autopilot.scanning.places import Place
from jobforge.autopilot.scanning.routes import Routes
from jobforge.autopilot.scanning.visits import Examined, Known, Unexamined, Visit, VisitLimits
from jobforge.chassis.public_addresses import is_public

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("playwright", "axe_playwright_python", "psutil")
_GRACE = 10.0
"""Seconds that the process has to end its browser by itself."""
_MOST_ANSWER = 4 * 1024 * 1024
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR")
_ANSWER: TypeAdapter[Examined | Unexamined] = TypeAdapter(Examined | Unexamined)


class BrowserSettings(BaseSettings):
    """The browser of scans; ``JOBFORGE_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="JOBFORGE_", env_ignore_empty=True, frozen=True, extra="ignore")

    browser: str | None = Field(
        default=None, description="Chromium's program, or `off`; unset: the first that is found on the PATH."
    )
    browser_sandbox: bool = Field(default=True, description="Whether Chromium must run in its own sandbox.")


class BrowserInvalid(ValueError):
    """What JOBFORGE_BROWSER names cannot be used; the service does not start."""


@dataclass(frozen=True)
class Browser:
    """A browser, or why there is none; one page is looked at at a time."""

    program: Path | None = None
    why_not: str = "none was given"
    sandboxed: bool = True
    limits: VisitLimits = field(default_factory=VisitLimits)
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def examine(self, place: Place, routes: Routes) -> Examined | Unexamined:
        """What axe-core finds on the page; never raises for what the page or the browser does.

        The process of the browser has ended when this returns or is cancelled.
        """
        if self.program is None:
            return Unexamined(reason=self.why_not, tried=False)
        page = place.host, place.port
        visit = Visit(
            url=place.url,
            program=str(self.program),
            sandboxed=self.sandboxed,
            known=tuple(
                Known(host=key[0], port=key[1], addresses=route.addresses)
                for key, route in routes.known.items()
                if key == page or all(map(is_public, route.addresses))
            ),
            private=tuple({page} & routes.private),
            limits=self.limits,
        )
        try:
            async with asyncio.timeout(self.limits.queue):
                await self.turn.acquire()
        except TimeoutError:
            return Unexamined(reason="other pages kept the browser busy", tried=True)
        try:
            return await self._visited(visit)
        finally:
            self.turn.release()

    async def _visited(self, visit: Visit) -> Examined | Unexamined:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        command = [sys.executable, "-m", "jobforge.autopilot.scanning.visiting"]
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment, start_new_session=True
            )
        except OSError as error:
            return Unexamined(reason=f"its process did not start: {error.strerror}", tried=True)
        try:
            async with asyncio.timeout(visit.limits.seconds + _GRACE):
                return await _answer(process, visit)
        except TimeoutError:
            return Unexamined(reason="its process did not answer", tried=True)
        finally:
            await asyncio.shield(_ended(process))


async def _answer(process: Process, visit: Visit) -> Examined | Unexamined:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(ConnectionError):
        process.stdin.write(visit.model_dump_json().encode() + b"\n")
        await process.stdin.drain()
    told = bytearray()
    while (part := await process.stdout.read(65_536)) and len(told) <= _MOST_ANSWER:
        told += part
    try:
        return _ANSWER.validate_json(bytes(told))
    except ValidationError:
        return Unexamined(reason="its process ended without an answer", tried=True)


async def _ended(process: Process) -> None:
    """Let the process end what it started: it does so when its input ends."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(_GRACE):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def browser_of(settings: BrowserSettings) -> Browser:
    """The browser that the settings name or the machine has; raises ``BrowserInvalid``. Starts nothing."""
    if settings.browser == "off":
        return Browser(why_not="JOBFORGE_BROWSER is off")
    named = settings.browser and shutil.which(settings.browser)
    if settings.browser and not named:
        raise BrowserInvalid(f"JOBFORGE_BROWSER: {settings.browser} is no program; name Chromium's, or write off")
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing and named:
        raise BrowserInvalid(f"JOBFORGE_BROWSER: {missing[0]} is missing; install jobforge-autopilot[browser]")
    if missing:
        return Browser(why_not="jobforge-autopilot is installed without its extra, browser")
    found = named or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        return Browser(why_not="no Chromium was found on the PATH")
    return Browser(Path(found), sandboxed=settings.browser_sandbox)
