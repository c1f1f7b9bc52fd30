"""What stands in a tree: its files, its sources and its services."""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NOT_OURS = {".git", ".venv", ".runtime", ".mypy_cache", ".ruff_cache", ".hypothesis", "__pycache__", "node_modules"}


def tracked(root: Path) -> list[Path]:
    """The files that git tracks; outside a repository, all files."""
    if (root / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
        return sorted(root / name for name in listed.split("\0") if name and (root / name).is_file())
    return sorted(path for path in root.rglob("*") if path.is_file() and not NOT_OURS & set(path.parts))


def python_files(root: Path) -> list[Path]:
    """Every tracked Python file."""
    return [path for path in tracked(root) if path.suffix == ".py"]


def sources(root: Path) -> list[Path]:
    """Every Python module of a package, not its tests; read from the disk, so that a new file counts at once."""
    return sorted(path for top in ("libs", "services", "infra") for path in root.glob(f"{top}/*/src/jobforge/**/*.py"))


def module_of(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.with_suffix("").parts
    start = len(parts) - 1 - parts[::-1].index("src") + 1
    return ".".join(part for part in parts[start:] if part != "__init__")


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything a file imports, also inside functions; ``from a import b`` is ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def pyproject(folder: Path) -> dict[str, Any]:
    """A package's pyproject.toml, or nothing."""
    path = folder / "pyproject.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def service_folders(root: Path) -> list[Path]:
    """Every folder under ``services/`` that holds sources or a pyproject."""
    folders = sorted(path for path in root.glob("services/*") if path.is_dir())
    return [path for path in folders if (path / "pyproject.toml").is_file() or list(path.glob("src/**/*.py"))]


def where(root: Path, path: Path, line: int | None = None) -> str:
    """How a violation names its place: the path from the root, and the line."""
    name = path.relative_to(root).as_posix()
    return name if line is None else f"{name}:{line}"
