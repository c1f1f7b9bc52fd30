"""The service starts light, and every template gets what it asks for."""

import subprocess
import sys

from jobforge.chassis.settings import Settings
from jobforge.execution.discovery import bind_tools, find_templates
from jobforge.keys.tools import keys_tools


def test_importing_the_service_loads_no_heavy_library() -> None:
    """Polars is for child processes."""
    program = (
        "import sys, jobforge.keys.app, jobforge.keys.templates.usage_aggregate, jobforge.keys.totals\n"
        "print(sorted({'polars', 'numpy', 'pyarrow'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_every_template_gets_its_tools() -> None:
    """What the scan finds, the service can start."""
    bound = bind_tools(find_templates("jobforge.keys").values(), keys_tools(Settings()))
    assert set(bound) == {"keys.usage.aggregate"}
