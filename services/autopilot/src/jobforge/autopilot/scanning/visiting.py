"""Opens one page in a browser and runs axe-core on it: the program of a process that reads a visit, and ends."""

import asyncio
import os
import sys
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from jobforge.autopilot.scanning.fetching import Fetcher, Limits
from jobforge.autopilot.scanning.relaying import Relay
from jobforge.autopilot.scanning.routes import Route, Routes
from jobforge.autopilot.scanning.supervision import supervised
from jobforge.autopilot.scanning.visits import Examined, Unexamined, Visit

_NICENESS = 10
_NO_TIMEOUT = 0
"""Of playwright's own: the process is supervised."""
_FLAGS = (
    # The browser reaches nothing by itself: no name and no address resolves, not even its proxy's.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=http://nowhere.invalid:1",
    "--proxy-bypass-list=<-loopback>",
    "--force-webrtc-ip-handling-policy",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-quic",
    "--disable-gpu",
    "--disable-crash-reporter",
    "--disable-site-isolation-trials",
    "--renderer-process-limit=1",
    "--js-flags=--max-old-space-size=512",
)
_NAMESPACE = "unshare --user --map-current-user --net --"
_STARTER = Path(__file__).with_name("start-browser.sh")
_RUN = """async () => {
  const told = await axe.run(document, {resultTypes: ['violations'], iframes: false});
  const cut = (text, most) => String(text).slice(0, most);
  return {
    axe: told.testEngine.version,
    passed: told.passes.length,
    unsure: told.incomplete.length,
    violations: told.violations.slice(0, 200).map(each => ({
      id: each.id,
      impact: each.impact || 'minor',
      help: cut(each.help, 300),
      help_url: each.helpUrl.split('?')[0],
      criteria: each.tags.filter(tag => /^wcag\\d{3,4}$/.test(tag)).map(
        tag => `${tag[4]}.${tag[5]}.${tag.slice(6)}`).slice(0, 20),
      elements: each.nodes.length,
      targets: each.nodes.slice(0, 5).map(node => cut(node.target.flat().join(' '), 200)),
    })),
  };
}"""


def main() -> None:
    """Read a visit, write what came of it."""
    visit = Visit.model_validate_json(sys.stdin.buffer.readline())
    os.nice(_NICENESS)
    with supervised(visit.limits.seconds, visit.limits.memory, _gave_up) as folder:
        os.environ.update(HOME=str(folder), TMPDIR=str(folder), JOBFORGE_PROGRAM=visit.program)
        os.environ["JOBFORGE_NAMESPACE"] = _NAMESPACE if visit.sandboxed else ""
        told = asyncio.run(_visited(visit))
    _tell(told)


def _gave_up(reason: str) -> None:
    _tell(Unexamined(reason=reason, tried=True))


def _tell(told: Examined | Unexamined) -> None:
    with suppress(BrokenPipeError):
        print(told.model_dump_json(), flush=True)


async def _visited(visit: Visit) -> Examined | Unexamined:
    from playwright.async_api import Error

    known = {(each.host, each.port): Route(each.addresses, 0.0) for each in visit.known}
    routes = Routes(frozenset(visit.private), Limits().patience, known=known)
    relay = Relay(Fetcher(routes, Limits()), requests=visit.limits.requests, total_bytes=visit.limits.total_bytes)
    try:
        told = await _examined(visit, relay)
        return Examined.model_validate({**told, "loaded": relay.loaded, "refused": relay.refused})
    except Error as error:
        return Unexamined(reason=_reason(str(error)), tried=True)
    except (ValidationError, TypeError):
        return Unexamined(reason="the page changed what axe-core answers", tried=True)


async def _examined(visit: Visit, relay: Relay) -> Any:
    from playwright.async_api import TimeoutError as Late
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=_STARTER,
            chromium_sandbox=visit.sandboxed,
            args=list(_FLAGS),
            timeout=_NO_TIMEOUT,
        )
        context = await browser.new_context(service_workers="block", accept_downloads=False, reduced_motion="reduce")
        await context.route("**/*", relay)
        await context.route_web_socket("**/*", lambda socket: socket.close())
        page = await context.new_page()
        context.on("page", lambda other: other.close())
        await page.goto(visit.url, wait_until="domcontentloaded", timeout=_NO_TIMEOUT)
        with suppress(Late):
            await page.wait_for_load_state("load", timeout=visit.limits.loading * 1_000)
        await page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
        return {"browser": f"Chromium {browser.version}", **await page.evaluate(_RUN)}


def _reason(message: str) -> str:
    if "No usable sandbox" in message:
        return "Chromium's sandbox does not work here: allow user namespaces, or set JOBFORGE_BROWSER_SANDBOX=false"
    return f"the browser failed: {message.partition(chr(10))[0][:200]}"


if __name__ == "__main__":
    main()
