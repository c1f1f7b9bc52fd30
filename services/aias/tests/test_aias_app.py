"""The service starts light: numpy and the table of vectors are loaded when the first search comes."""

import subprocess
import sys

import pytest

from jobforge.aias.tools import KnowledgeLimits, aias_tools
from jobforge.chassis.settings import Settings
from jobforge.execution.discovery import bind_tools, find_templates


def test_importing_the_service_loads_no_heavy_library() -> None:
    """They would take more than the service's idle memory."""
    program = (
        "import sys, jobforge.aias.app, jobforge.aias.templates.knowledge_index\n"
        "import jobforge.aias.templates.knowledge_search\n"
        "print(sorted({'numpy', 'tokenizers', 'safetensors', 'Stemmer', 'pypdf', 'docx', 'httpx'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_the_limits_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their names."""
    monkeypatch.setenv("JOBFORGE_AIAS_MAX_BYTES", "99")
    monkeypatch.setenv("JOBFORGE_AIAS_MAX_PROCESSOR_TIME", "7")
    bounds = KnowledgeLimits().bounds()
    assert (bounds.file_size, bounds.processor_time) == (99, 7)


def test_every_template_gets_its_tools() -> None:
    """What the scan finds, the service can start."""
    bound = bind_tools(find_templates("jobforge.aias").values(), aias_tools(Settings()))
    assert set(bound) == {"aias.knowledge.index", "aias.knowledge.search"}
