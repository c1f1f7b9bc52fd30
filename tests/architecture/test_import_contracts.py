"""The import contracts hold here, follow new packages by themselves, and bite."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from import_contracts import import_contracts

LAYERS = "services over documents over execution over chassis over contracts"
ENGINE = "the engine knows neither FastStream nor aiokafka"
PURE = "what decides does not act"
PACKAGES = {
    "libs": ("contracts", "chassis", "execution", "documents", "client", "ledger", "cli", "testkit"),
    "infra": ("native",),
    "services": ("ingestion", "settler"),
}
BROKEN = [
    ("services/settler/src/jobforge/settler/x.py", "import jobforge.ingestion", LAYERS),
    ("libs/execution/src/jobforge/execution/x.py", "import jobforge.settler", LAYERS),
    ("libs/documents/src/jobforge/documents/x.py", "import jobforge.settler", LAYERS),
    ("libs/execution/src/jobforge/execution/x.py", "import jobforge.documents", LAYERS),
    ("libs/chassis/src/jobforge/chassis/x.py", "import jobforge.execution", LAYERS),
    ("libs/contracts/src/jobforge/contracts/x.py", "def f():\n    import jobforge.chassis", LAYERS),
    ("libs/client/src/jobforge/client/x.py", "import jobforge.chassis", "jobforge.client stands on"),
    ("libs/cli/src/jobforge/cli/x.py", "import jobforge.native", "jobforge.cli stands on"),
    ("libs/cli/src/jobforge/cli/x.py", "import jobforge.chassis", "jobforge.cli stands on"),
    ("libs/ledger/src/jobforge/ledger/x.py", "import jobforge.chassis", "jobforge.ledger stands on"),
    ("services/settler/src/jobforge/settler/x.py", "import jobforge.testkit", "jobforge.testkit is imported by tests"),
    ("libs/chassis/src/jobforge/chassis/x.py", "import jobforge.native", "jobforge.native is imported by"),
    ("libs/execution/src/jobforge/execution/x.py", "from faststream.kafka import KafkaBroker", ENGINE),
    ("libs/execution/src/jobforge/execution/x.py", "import jobforge.chassis.kafka", ENGINE),
    ("services/ingestion/src/jobforge/ingestion/admission.py", "import asyncio", PURE),
    ("services/ingestion/src/jobforge/ingestion/admission.py", "import jobforge.chassis.kafka", PURE),
    ("services/settler/src/jobforge/settler/policy.py", "from pathlib import Path", PURE),
]


def plant(root: Path, files: dict[str, str]) -> Path:
    """A tree of the same shape as this one, with the given files."""
    for folder, names in PACKAGES.items():
        for name in names:
            files.setdefault(f"{folder}/{name}/src/jobforge/{name}/__init__.py", '"""A package."""\n')
    files.setdefault("libs/chassis/src/jobforge/chassis/kafka.py", "import aiokafka\n")
    files.setdefault("libs/execution/src/jobforge/execution/domain.py", "import jobforge.chassis.kafka\n")
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def lint(root: Path) -> "subprocess.CompletedProcess[str]":
    """Run import-linter over a planted tree, with the contracts made from that tree."""
    (root / ".importlinter").write_text(import_contracts(root), encoding="utf-8")
    # The planted packages come before the installed ones of the same names.
    return lint_imports(root, f"sys.path[:0] = {[str(path) for path in sorted(root.glob('*/*/src'))]!r};")


def lint_imports(root: Path, prepare: str) -> "subprocess.CompletedProcess[str]":
    """The command ``lint-imports`` in a process of its own, which keeps no cache."""
    program = (
        f"import sys; sys.argv = ['lint-imports', '--no-cache']; {prepare}"
        "from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    wide = {**os.environ, "COLUMNS": "200"}  # a contract and its verdict on one line, however narrow the terminal is
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=root, env=wide, capture_output=True, text=True, timeout=120, check=False)


def test_the_import_contracts_hold(root: Path, tmp_path: Path) -> None:
    """With the contracts as they follow from the packages that are here now."""
    config = tmp_path / "contracts.ini"
    config.write_text(import_contracts(root), encoding="utf-8")
    finished = lint_imports(root, f"sys.argv += ['--config', {str(config)!r}];")
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_a_sound_tree_keeps_every_contract(tmp_path: Path) -> None:
    """No false alarms: wiring may know Kafka, and ``native`` serves the testkit."""
    sound = {
        "libs/testkit/src/jobforge/testkit/x.py": "import jobforge.native\nimport jobforge.execution\n",
        "libs/cli/src/jobforge/cli/x.py": "import jobforge.ledger\nimport jobforge.client\n",
        "libs/execution/src/jobforge/execution/worker.py": "import asyncio\nimport jobforge.contracts\n",
        "services/ingestion/src/jobforge/ingestion/admission.py": "import json\nimport jobforge.contracts\n",
    }
    finished = lint(plant(tmp_path, sound))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "8 kept, 0 broken" in finished.stdout


@pytest.mark.parametrize(("path", "text", "says"), BROKEN, ids=[f"{path}: {text}" for path, text, _ in BROKEN])
def test_a_planted_import_breaks_its_contract(path: str, text: str, says: str, tmp_path: Path) -> None:
    """The contract that is broken is named, and the import with its line."""
    finished = lint(plant(tmp_path, {path: f'"""A planted module."""\n\n{text}\n'}))
    assert finished.returncode == 1, finished.stdout + finished.stderr
    broken = [line for line in finished.stdout.splitlines() if line.endswith("BROKEN")]
    assert [line for line in broken if line.startswith(says)]


def test_a_new_service_is_held_without_any_edit(tmp_path: Path) -> None:
    """A folder under ``services/`` is a layer of its own at once."""
    files = {
        "services/brandnew/src/jobforge/brandnew/__init__.py": '"""New."""\n',
        "services/brandnew/src/jobforge/brandnew/x.py": '"""x"""\nimport jobforge.settler\n',
    }
    finished = lint(plant(tmp_path, files))
    assert finished.returncode == 1
    assert "jobforge.brandnew.x -> jobforge.settler" in finished.stdout
