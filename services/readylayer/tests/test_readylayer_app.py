"""The service starts light: what decodes pixels is loaded in children only."""

import subprocess
import sys

import pytest

from jobforge.chassis.settings import Settings
from jobforge.execution.discovery import bind_tools, find_templates
from jobforge.readylayer.app import readylayer_tools
from jobforge.readylayer.tools import AssetLimits


def test_importing_the_service_loads_no_image_library() -> None:
    """pyvips, numpy and scikit-image together would take more than the service's idle memory."""
    program = (
        "import sys, jobforge.readylayer.app, jobforge.readylayer.templates.asset_optimize\n"
        "print(sorted({'pyvips', 'numpy', 'skimage', 'scipy'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_the_limits_are_read_from_the_environment_when_the_app_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when a module is imported."""
    monkeypatch.setenv("JOBFORGE_READYLAYER_MAX_PIXELS", "1234")
    monkeypatch.setenv("JOBFORGE_READYLAYER_MAX_BYTES", "99")
    limits, _ = readylayer_tools(Settings())
    assert limits == AssetLimits(max_pixels=1234, max_bytes=99)


def test_every_template_gets_its_tools() -> None:
    """What the scan finds, the service can start."""
    bound = bind_tools(find_templates("jobforge.readylayer").values(), readylayer_tools(Settings()))
    assert {"readylayer.asset.optimize", "readylayer.cache.purge"} <= set(bound)
