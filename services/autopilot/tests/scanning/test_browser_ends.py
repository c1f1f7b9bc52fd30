"""A browser can hang, die or be given up at any time: it costs a finding, and leaves nothing behind."""

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from jobforge.autopilot.scanning.browser import Browser
from jobforge.autopilot.scanning.places import place_of
from jobforge.autopilot.scanning.routes import Routes
from jobforge.autopilot.scanning.supervision import PREFIX
from jobforge.autopilot.scanning.visits import Unexamined
from jobforge.testkit.sites import Reply, Site, serving
from jobforge.testkit.waiting import until

HANGS = b"<!doctype html><html lang='en'><title>Shop</title><main><h1>Shop</h1><script>for(;;){}</script></main></html>"


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files that nobody else uses; root's browser, which is nobody, gets into it too."""
    folder = Path(tempfile.mkdtemp(prefix="scan-test-"))
    folder.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


async def looking(site: Site, browser: Browser) -> Any:
    """A look at a site without a scan around it."""
    return await browser.examine(place_of(site.url()), Routes(frozenset({("localhost", site.port)}), 60))


def of_browser(folder: Path) -> list[psutil.Process]:
    """Processes of a browser whose temporary files are in the folder, and the one that started them."""
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            command, home = " ".join(each.cmdline()), each.environ().get("TMPDIR", "")
            starts = "scanning.visiting" in command and home == str(folder)
            if starts or f"{folder}/{PREFIX}" in f"{command} {home}":
                found.append(each)
    return found


def nothing_left(folder: Path) -> bool:
    """Neither a process nor a profile."""
    return not of_browser(folder) and not list(folder.glob(f"{PREFIX}*"))


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"seconds": 5}, "more than 5 s"), ({"memory": 1}, "more than 0 MiB")],
    ids=["time", "memory"],
)
async def test_a_page_that_takes_too_much_is_given_up_for_the_static_subset(
    scan: Any, chromium: Browser, alone: Path, limits: dict[str, Any], reason: str
) -> None:
    """The scan goes on, and says so; nothing of the browser is left."""
    with serving({"/": Reply(HANGS)}) as site:
        bounded = replace(chromium, limits=chromium.limits.model_copy(update=limits))
        outputs = await scan.in_browser(site, bounded)
    (check,) = outputs.checks
    assert check.measured["method"] == "static subset"
    (finding,) = [each for each in check.findings if each.id == "accessibility.axe_unfinished"]
    assert finding.severity == "info"
    assert finding.message == "axe-core did not finish; static subset used."
    assert reason in finding.evidence
    assert nothing_left(alone)


async def test_a_browser_that_dies_is_a_reason_and_no_error(chromium: Browser, alone: Path) -> None:
    """Killed in the middle of a page."""
    with serving({"/": Reply(HANGS)}) as site:
        look = asyncio.create_task(looking(site, chromium))
        await until(lambda: bool(site.asked), timeout=120)
        for each in of_browser(alone):
            with suppress(psutil.NoSuchProcess):
                if "--headless" in each.cmdline():
                    each.kill()
        told = await look
    assert isinstance(told, Unexamined)
    assert told.tried
    assert "failed" in told.reason
    assert nothing_left(alone)


async def test_a_cancelled_look_leaves_neither_a_process_nor_a_profile(chromium: Browser, alone: Path) -> None:
    """It has ended when the cancelled task has."""
    with serving({"/": Reply(HANGS)}) as site:
        look = asyncio.create_task(looking(site, chromium))
        await until(lambda: bool(site.asked), timeout=120)
        assert not nothing_left(alone)
        look.cancel()
        with pytest.raises(asyncio.CancelledError):
            await look
        assert nothing_left(alone)


async def test_kill_9_of_the_worker_ends_its_browser(chromium: Browser, alone: Path) -> None:
    """And removes the profile, though nobody could ask for it."""
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from jobforge.autopilot.scanning.browser import Browser\n"
        "from jobforge.autopilot.scanning.places import place_of\n"
        "from jobforge.autopilot.scanning.routes import Routes\n"
        "url, port, program, sandboxed = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4] == 'True'\n"
        "routes = Routes(frozenset({('localhost', port)}), 60)\n"
        "asyncio.run(Browser(program, sandboxed=sandboxed).examine(place_of(url), routes))\n"
    )
    with serving({"/": Reply(HANGS)}) as site:
        arguments = [site.url(), str(site.port), str(chromium.program), str(chromium.sandboxed)]
        worker = await asyncio.create_subprocess_exec(sys.executable, "-c", program, *arguments)
        await until(lambda: bool(site.asked), timeout=120)
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
        await until(lambda: nothing_left(alone), timeout=60)
