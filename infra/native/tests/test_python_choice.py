"""``infra/python.sh``: which Python ``make setup`` takes."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "python.sh"
OPTIMISED, PLAIN, OLD = "exit 0", 'case "$2" in *CONFIG_ARGS*) exit 1;; esac', "exit 1"
"""What a Python says when it is asked whether it is new, and whether it was compiled with optimisation."""


@pytest.mark.parametrize(
    ("found", "system", "taken"),
    [
        (OPTIMISED, OPTIMISED, "python3"),
        (PLAIN, OPTIMISED, "system"),
        (PLAIN, PLAIN, "system"),  # a system's own does not always say how it was compiled
        (OLD, OPTIMISED, "system"),
        (PLAIN, OLD, "python3"),
        (PLAIN, None, "python3"),
        (None, OPTIMISED, "system"),
    ],
)
def test_setup_takes_the_python_of_the_path_unless_the_systems_is_faster(
    tmp_path: Path, found: str | None, system: str | None, taken: str
) -> None:
    path, other = tmp_path / "path" / "python3", tmp_path / "system" / "python3"
    for python, says in ((path, found), (other, system)):
        python.parent.mkdir()
        if says is not None:
            python.write_text(f"#!/bin/sh\n{says}\n")
            python.chmod(0o755)
    answer = subprocess.run(
        ["/bin/sh", str(SCRIPT), str(other)],
        env={**os.environ, "PATH": str(path.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == (str(other) if taken == "system" else taken)
    assert answer.stderr == ""
