"""Which errors a template can end with beside the engine's: read from its source and what that imports."""

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
GROUND = ("jobforge.execution.", "jobforge.chassis.", "jobforge.contracts.", "jobforge.client.")
"""What every service stands on, or asks the plane with: not looked into for a template's own errors."""


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """A class of failure: its stable code, when it happens, and what it says, with ``…`` for what differs."""

    code: str
    retryable: bool
    when: str
    says: tuple[str, ...]


def template_errors(module: str) -> tuple[ErrorEntry, ...]:
    """The errors that a template's module, and what it imports of its service and of libraries, name; by code.

    Where a dictionary leads from one error to another, the first is never seen: what it says, the second does.
    """
    found: dict[type[JobFailure], set[str]] = {}
    translated: list[tuple[type[JobFailure], type[JobFailure]]] = []
    for name in sorted(_reached(module)):
        source = _Source.of(name)
        translated += _translations(source)
        _collect(source, found)
    for inner, outer in translated:
        found.setdefault(outer, set()).update(found.pop(inner, ()))
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


def _reached(module: str) -> set[str]:
    """The module and every module above the ground that it imports, at whatever depth, inside functions too."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [found for found in _imported(_Source.of(name)) if _above_ground(found)]
    return reached


def _above_ground(name: str) -> bool:
    return name.startswith("jobforge.") and not f"{name}.".startswith(GROUND)


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


def _translations(source: _Source) -> Iterator[tuple[type[JobFailure], type[JobFailure]]]:
    for node in ast.walk(source.tree):
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            inner, outer = _failure(source, key), _failure(source, value)
            if inner is not None and outer is not None:
                yield inner, outer


def _collect(source: _Source, found: dict[type[JobFailure], set[str]]) -> None:
    """Add each error that the module names, and what it says where it is made."""
    passed_over = {
        id(part)
        for node in ast.walk(source.tree)
        for named in _not_raised(node)
        if named is not None
        for part in ast.walk(named)
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name | ast.Attribute) and id(node) not in passed_over:
            kind = _failure(source, node)
            if kind is not None:
                found.setdefault(kind, set())
        if isinstance(node, ast.Call) and node.args:
            kind = _failure(source, node.func)
            said = _text(source, node.args[0])
            if kind is not None and said is not None:
                found.setdefault(kind, set()).add(said)


def _not_raised(node: ast.AST) -> Iterable[ast.expr | None]:
    """Where an error's name stands without the error coming out of there: caught, built upon, translated."""
    if isinstance(node, ast.ExceptHandler):
        return [node.type]
    if isinstance(node, ast.ClassDef):
        return node.bases
    return node.keys if isinstance(node, ast.Dict) else ()


def _failure(source: _Source, node: ast.expr | None) -> type[JobFailure] | None:
    last = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    if node is None or not last[:1].isupper():  # classes are written so; nothing else is imported to look at it
        return None
    kind = source.meaning(node)
    if isinstance(kind, type) and issubclass(kind, JobFailure) and _above_ground(kind.__module__):
        return kind
    return None


def _text(source: _Source, node: ast.expr) -> str | None:
    """A message as it is written, with constants filled in and an ellipsis for what only a run knows."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name) and node.id.isupper():
        constant = source.meaning(node)
        return constant if isinstance(constant, str) else None
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
