"""How a source file may look."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from laws.tree import imported, module_of, python_files, sources, where

LONGEST = 300
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "service", "misc"}
CONTRACTS_MAY_IMPORT = {"annotated_types", "jobforge", "orjson", "pydantic", "pydantic_core", "rfc8785", "yaml"}
ADAPTER = "jobforge.chassis.faststream_adapter"
INTERNAL = re.compile(r"^faststream\..*\b(_\w+|subscriber|publisher|configs|usecase|registrator|factory)\b")
IGNORE = re.compile(r"#\s*type:\s*ignore(?P<code>\[[a-z-]+(?:,\s*[a-z-]+)*\])?(?P<reason>.*)$")


def long_files(root: Path) -> Iterator[str]:
    """A file is read in one sitting: 300 lines at most."""
    for path in python_files(root):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST:
            yield f"{where(root, path)}: {lines} lines, {LONGEST} at most: split it along its nouns"


def modules_without_docstring(root: Path) -> Iterator[str]:
    """A module opens with one sentence saying what it is for."""
    for path in python_files(root):
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))):
            yield f"{where(root, path)}: does not open with a sentence saying what it is for"


def vague_names(root: Path) -> Iterator[str]:
    """A module is named by its noun."""
    for path in sources(root):
        for part in module_of(path).split("."):
            if part in VAGUE:
                yield f"{where(root, path)}: {part!r} says nothing; name it by what it holds"


def future_annotations(root: Path) -> Iterator[str]:
    """FastStream and pydantic read annotations at run time, so they must be there."""
    for path in python_files(root):
        for line, name in imported(path):
            if name == "__future__.annotations":
                yield f"{where(root, path, line)}: no `from __future__ import annotations`"


def relative_imports(root: Path) -> Iterator[str]:
    """A name is imported from where it is."""
    for path in python_files(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                yield f"{where(root, path, node.lineno)}: imports are absolute"


def namespace_packages(root: Path) -> Iterator[str]:
    """``jobforge`` belongs to no package: an ``__init__.py`` there would hide all the others."""
    for path in sorted(root.glob("*/*/src/jobforge/__init__.py")):
        yield f"{where(root, path)}: jobforge is a namespace; delete this file"


def faststream_internals(root: Path) -> Iterator[str]:
    """One file touches FastStream's internals, and a test pins what it uses."""
    for path in sources(root):
        if module_of(path) == ADAPTER:
            continue
        for line, name in imported(path):
            if INTERNAL.match(name):
                yield f"{where(root, path, line)}: {name} is internal to FastStream; only {ADAPTER} may use it"


def contracts_imports(root: Path) -> Iterator[str]:
    """Contracts are plain: pydantic, the standard library, canonical JSON and YAML."""
    for path in sorted(root.glob("libs/contracts/src/jobforge/contracts/**/*.py")):
        for line, name in imported(path):
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in CONTRACTS_MAY_IMPORT:
                yield f"{where(root, path, line)}: contracts may not import {top}"


def bare_type_ignores(root: Path) -> Iterator[str]:
    """``type: ignore`` names the error it hides, and why."""
    for path in sources(root):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = IGNORE.search(line)
            if found and not (found["code"] and re.search(r"\w", found["reason"])):
                yield f"{where(root, path, number)}: type: ignore without the error's code and a reason"
