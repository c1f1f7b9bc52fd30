"""The service gives the scan its tools, and starts without what only a scan needs."""

import subprocess
import sys

import pytest

from jobforge.autopilot.scanning.history import History
from jobforge.autopilot.scanning.observing import Scanner
from jobforge.autopilot.tools import autopilot_tools
from jobforge.chassis.settings import Settings
from jobforge.execution.discovery import bind_tools, find_templates


def test_importing_the_scan_loads_neither_a_reader_of_pages_nor_the_writer_of_reports() -> None:
    """They come with the first scan, readers of pages only into their child processes."""
    program = (
        "import sys, jobforge.autopilot.app, jobforge.autopilot.templates.ops_scan\n"
        "print(sorted({'lxml', 'jinja2', 'playwright', 'axe_playwright_python'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_the_scan_gets_its_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the scan of the package finds, the service can start; without settings nothing may be scanned."""
    monkeypatch.delenv("JOBFORGE_TARGETS_FILE", raising=False)
    tools = list(autopilot_tools(Settings()))
    assert {Scanner, History} <= {type(each) for each in tools}
    assert "autopilot.ops.scan" in bind_tools(find_templates("jobforge.autopilot").values(), tools)
