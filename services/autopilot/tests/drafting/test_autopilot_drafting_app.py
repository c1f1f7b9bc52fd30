"""The service starts light, and gives the draft its tools."""

import subprocess
import sys

from jobforge.autopilot.tools import autopilot_tools
from jobforge.chassis.settings import Settings
from jobforge.execution.discovery import bind_tools, find_templates


def test_importing_the_draft_loads_no_heavy_library() -> None:
    """They come with the first draft, most of them in a child."""
    program = (
        "import sys, jobforge.autopilot.app, jobforge.autopilot.templates.growth_content_draft\n"
        "print(sorted({'textstat', 'Stemmer', 'markdown_it', 'jobforge.client'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_the_draft_gets_the_tools_it_names() -> None:
    """What the service makes is what its templates ask for."""
    bound = bind_tools(find_templates("jobforge.autopilot").values(), autopilot_tools(Settings()))
    assert "autopilot.growth.content_draft" in bound
