"""Whether the engine's pure parts are covered by their own tests: each module at least 95 % of its branches and lines.

``python infra/pure_coverage.py`` runs those tests under coverage, prints a line for each module, and exits 1 when one
falls short. It needs no services.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ENOUGH = 95.0
"""Percent, of the branches and of the lines."""
ENGINE, VIEW = "libs/execution", "services/manifest"
MODULES = [f"{ENGINE}/src/jobforge/execution/{name}.py" for name in ("offsets", "retry", "lanes", "policy")]
MODULES += [f"{VIEW}/src/jobforge/manifest/{name}.py" for name in ("projection", "sealing", "showing", "states")]
TESTS = [f"{ENGINE}/tests/test_{name}.py" for name in ("offsets", "offsets_machine", "lanes", "retry_policy")]
TESTS += [f"{VIEW}/tests/test_{name}.py" for name in ("manifest_projection", "manifest_attempts")]


def measured(folder: Path) -> dict[str, Any]:
    """Run the tests; coverage's summary of each module, by its path. Raises ``CalledProcessError`` when one fails."""
    data, report = f"--data-file={folder / 'data'}", folder / "report.json"
    coverage = [sys.executable, "-m", "coverage"]
    only = f"--include={','.join(MODULES)}"
    subprocess.run([*coverage, "run", "--branch", data, only, "-m", "pytest", "-q", *TESTS], cwd=ROOT, check=True)
    subprocess.run([*coverage, "json", "-q", data, "-o", report], cwd=ROOT, check=True)
    return {path: found["summary"] for path, found in json.loads(report.read_text())["files"].items()}


def share(covered: int, of: int) -> float:
    """In percent; all of nothing is everything."""
    return 100.0 * covered / of if of else 100.0


def main() -> int:
    """Print what was measured; 1 when a module falls short or was not run at all."""
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder))
    short = 0
    for module in MODULES:
        summary = found[module]
        branches = share(summary["covered_branches"], summary["num_branches"])
        lines = share(summary["covered_lines"], summary["num_statements"])
        short += min(branches, lines) < ENOUGH
        print(f"{branches:5.1f} % of {summary['num_branches']:3} branches, {lines:5.1f} % of lines: {module}")
    return int(short > 0)


if __name__ == "__main__":
    sys.exit(main())
