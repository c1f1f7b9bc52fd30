"""The service starts small: what reads files is loaded by the children that read."""

import subprocess
import sys

from jobforge.chassis.settings import Settings
from jobforge.execution.discovery import bind_tools, find_templates
from jobforge.settler.app import settler_tools


def test_importing_the_app_loads_no_reader() -> None:
    """pypdf, python-docx and the extraction rules stay out of the service's own process."""
    code = (
        "import sys, jobforge.settler.app, jobforge.settler.templates.contract_process as t;"
        "heavy = {'pypdf', 'docx', 'lxml', 'charset_normalizer', 'jobforge.settler.extraction.clauses'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_template_gets_the_tools_it_names() -> None:
    """What the service makes is what its templates ask for."""
    bound = bind_tools(find_templates("jobforge.settler").values(), settler_tools(Settings()))
    assert set(bound) == {"settler.contract.process", "settler.notification.send"}
