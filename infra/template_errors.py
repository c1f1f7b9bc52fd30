"""Which errors of its own service a template can end with: read from its source and what that imports."""

import ast
import importlib
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from jobforge.execution.errors import JobFailure, Retryable, Terminal

ENGINE = ("errors", "attempt", "runner")
"""Modules of ``jobforge.execution`` whose errors may end a run of any template."""


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """A class of failure: its stable code, when it happens, and what it says, with ``…`` for what differs."""

    code: str
    retryable: bool
    when: str
    says: tuple[str, ...]


def template_errors(module: str) -> tuple[ErrorEntry, ...]:
    """The errors that a template's module, and what it imports of its own service, name; sorted by code."""
    service = ".".join(module.split(".")[:2])
    found: dict[type[JobFailure], set[str]] = {}
    for name in sorted(_reached(module, service)):
        _collect(_Source.of(name), service, found)
    return _entries(found)


def engine_errors() -> tuple[ErrorEntry, ...]:
    """The errors that a run of any template may end with; sorted by code."""
    modules = [importlib.import_module(f"jobforge.execution.{name}") for name in ENGINE]
    return _entries({kind: set() for module in modules for kind in _declared(module)})


@dataclass(frozen=True)
class _Source:
    """A module as it is written: its tree, and what each name in it stands for, wherever it is imported."""

    name: str
    tree: ast.Module
    imports: dict[str, tuple[str, str]]

    @staticmethod
    @cache
    def of(name: str) -> "_Source":
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
        imports = {
            alias.asname or alias.name: (node.module, alias.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }
        return _Source(name, tree, imports)

    def meaning(self, node: ast.expr) -> object:
        """What a name, or a name of an imported module's, stands for; None for anything that runs only know."""
        if isinstance(node, ast.Attribute):
            holder = self.meaning(node.value)
            return getattr(holder, node.attr, None) if isinstance(holder, ModuleType) else None
        if not isinstance(node, ast.Name):
            return None
        module, attribute = self.imports.get(node.id, (self.name, node.id))
        if not module.startswith("jobforge."):
            return None
        if _is_module(f"{module}.{attribute}"):
            return importlib.import_module(f"{module}.{attribute}")
        return getattr(importlib.import_module(module), attribute, None)


def _reached(module: str, service: str) -> set[str]:
    """The module and every module of the service that it imports, at whatever depth, inside functions too."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        waiting += [found for found in _imported(_Source.of(name)) if found.startswith(f"{service}.")]
    return reached


def _imported(source: _Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
    for module, attribute in source.imports.values():
        yield f"{module}.{attribute}" if _is_module(f"{module}.{attribute}") else module


@cache
def _is_module(name: str) -> bool:
    try:
        return name.startswith("jobforge.") and importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _collect(source: _Source, service: str, found: dict[type[JobFailure], set[str]]) -> None:
    """Add each error of the service that the module names, and what it says where it is made."""
    caught = {
        id(part)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler) and node.type
        for part in ast.walk(node.type)
    }
    bases = {id(base) for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef) for base in node.bases}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name | ast.Attribute) and id(node) not in caught | bases:
            kind = _failure(source, node, service)
            if kind is not None:
                found.setdefault(kind, set())
        if isinstance(node, ast.Call) and node.args:
            kind = _failure(source, node.func, service)
            said = _text(source, node.args[0])
            if kind is not None and said is not None:
                found.setdefault(kind, set()).add(said)


def _failure(source: _Source, node: ast.expr, service: str) -> type[JobFailure] | None:
    last = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    if not last[:1].isupper():  # only a class can be one, and those are written so: nothing else is imported for it
        return None
    kind = source.meaning(node)
    own = isinstance(kind, type) and issubclass(kind, JobFailure) and kind.__module__.startswith(f"{service}.")
    return kind if own else None  # type: ignore[return-value]  # `own` says that it is one


def _text(source: _Source, node: ast.expr) -> str | None:
    """A message as it is written, with constants filled in and an ellipsis for what only a run knows."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = []
    for part in node.values:
        value = part.value if isinstance(part, ast.Constant) else source.meaning(part.value)  # type: ignore[attr-defined]
        parts.append(str(value) if isinstance(value, str | int) else "…")
    return "".join(parts)


def _declared(module: ModuleType) -> Iterable[type[JobFailure]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, JobFailure)
        and value.__module__ == module.__name__
        and value not in (JobFailure, Retryable, Terminal)
    ]


def _entries(found: dict[type[JobFailure], set[str]]) -> tuple[ErrorEntry, ...]:
    entries = [
        ErrorEntry(kind.code, kind.retryable, " ".join((kind.__doc__ or "").split()), tuple(sorted(says)))
        for kind, says in found.items()
    ]
    return tuple(sorted(entries, key=lambda entry: entry.code))
