"""What must stand beside what: a missing companion is a violation."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import yaml

from jobforge.native.services import registered
from laws.tree import pyproject, service_folders, where

KINDS = ("domain", "door", "view", "clock")
COMPOSE = "infra/compose/services.yml"
NATIVE_ROLES = frozenset({"apps", "operators", "domain"})
"""Who may write or read a topic without being a service of that name."""


class Named(Protocol):
    """A topic, as far as these laws look at it."""

    @property
    def name(self) -> str: ...
    @property
    def messages(self) -> tuple[type, ...]: ...
    @property
    def writers(self) -> tuple[str, ...]: ...
    @property
    def readers(self) -> tuple[str, ...]: ...


def templates(root: Path) -> list[Path]:
    """Every template's file."""
    found = root.glob("services/*/src/jobforge/*/templates/*.py")
    return sorted(path for path in found if path.name != "__init__.py")


def templates_without_test(root: Path) -> Iterator[str]:
    """Each template has a test of its own name in its service."""
    for path in templates(root):
        service = path.parents[4]
        test = f"test_{path.stem}.py"
        found = list(service.glob(f"tests/**/{test}"))
        if not found:
            yield f"{where(root, path)}: no test; write {where(root, service)}/tests/{test}"
        elif not any("def test_" in each.read_text(encoding="utf-8") for each in found):
            yield f"{where(root, found[0])}: holds no test"


def template_keys_that_do_not_spell_their_path(root: Path) -> Iterator[str]:
    """``settler.contract.process`` stands in ``settler/templates/contract_process.py`` and nowhere else."""
    for path in templates(root):
        domain = path.parents[1].name
        spelled = f"{domain}.{path.stem.replace('_', '.', 1)}"
        keys = list(_declared_keys(path))
        if not keys:
            yield f"{where(root, path)}: declares no template; it should be {spelled}"
        for line, key in keys:
            if key != spelled:
                yield f"{where(root, path, line)}: the key {key!r} must be {spelled!r}, which spells its path"


def _declared_keys(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for call in getattr(node, "decorator_list", []):
            if not isinstance(call, ast.Call) or ast.unparse(call.func).rpartition(".")[2] != "template":
                continue
            key = call.args[0] if call.args else None
            yield call.lineno, str(key.value) if isinstance(key, ast.Constant) else "not a literal"


def unregistered_services(root: Path) -> Iterator[str]:
    """``[tool.jobforge]`` is a service's only registration: native mode and compose start what it names."""
    taken: dict[int, str] = {}
    for folder in service_folders(root):
        name = where(root, folder)
        registered = pyproject(folder).get("tool", {}).get("jobforge", {})
        kind, port = registered.get("kind"), registered.get("port")
        if kind not in KINDS:
            yield f"{name}/pyproject.toml: [tool.jobforge] kind must be one of {', '.join(KINDS)}"
        if not isinstance(port, int):
            yield f"{name}/pyproject.toml: [tool.jobforge] port is missing, so nothing can start it"
        elif port in taken:
            yield f"{name}/pyproject.toml: port {port} is already {taken[port]}'s"
        else:
            taken[port] = name


def services_without_app(root: Path) -> Iterator[str]:
    """Every service is an app factory, ``jobforge.<name>.app:create_app``; a domain has templates."""
    for folder in service_folders(root):
        package = folder / "src" / "jobforge" / folder.name
        app = package / "app.py"
        if not app.is_file() or not re.search(r"^def create_app\(", app.read_text(encoding="utf-8"), re.MULTILINE):
            yield f"{where(root, folder)}: src/jobforge/{folder.name}/app.py has no create_app"
        kind = pyproject(folder).get("tool", {}).get("jobforge", {}).get("kind")
        if kind == "domain" and not list(package.glob("templates/[!_]*.py")):
            yield f"{where(root, folder)}: a domain without templates"


def services_without_readme(root: Path) -> Iterator[str]:
    """A service says what it is, how to run it alone and what it needs."""
    for folder in service_folders(root):
        readme = folder / "README.md"
        if not readme.is_file() or len(readme.read_text(encoding="utf-8").split()) < 20:
            yield f"{where(root, folder)}: README.md is missing or says nothing"


def services_without_tests(root: Path) -> Iterator[str]:
    """A service is tested beside its sources."""
    for folder in service_folders(root):
        if not list(folder.glob("tests/**/test_*.py")):
            yield f"{where(root, folder)}: no tests"


def services_without_stanza(root: Path) -> Iterator[str]:
    """A service runs under compose too, and compose runs nothing that is not a service."""
    path = root / COMPOSE
    document = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    stanzas = set(document.get("services") or {})
    services = {folder.name for folder in service_folders(root)}
    for name in sorted(services - stanzas):
        yield f"services/{name}: no stanza in {COMPOSE}; run `make schemas`"
    for name in sorted(stanzas - services):
        yield f"{COMPOSE}: {name} is no service; run `make schemas`"


def services_without_native_entry(root: Path) -> Iterator[str]:
    """Native mode's table of processes has every service."""
    try:
        started = {service.name for service in registered(root / "services")}
    except (KeyError, ValueError) as error:
        yield f"native mode cannot make its table: {error!r}"
        return
    for folder in service_folders(root):
        if folder.name not in started:
            yield f"{where(root, folder)}: native mode does not start it; register it in its pyproject.toml"


def topics_without_companions(topics: Iterable[Named], services: Iterable[str]) -> Iterator[str]:
    """A topic is written by somebody and read by somebody, and each of them exists."""
    known = NATIVE_ROLES | set(services)
    for topic in topics:
        for role, names in (("writer", topic.writers), ("reader", topic.readers)):
            if not names:
                yield f"{topic.name}: no {role}"
            yield from (f"{topic.name}: the {role} {name!r} is no service" for name in names if name not in known)


def messages_without_example(topics: Iterable[Named], examples: Path) -> Iterator[str]:
    """Each message has an example, and each example a message."""
    messages = {message.__name__ for topic in topics for message in topic.messages}
    shown = {path.parent.name for path in examples.glob("*/*.json")}
    for name in sorted(messages - shown):
        yield f"{name}: no example; add schemas/examples/{name}/1-<what it shows>.json"
    for name in sorted(shown - messages):
        yield f"schemas/examples/{name}: no topic carries such a message"


def decisions_without_ending(root: Path) -> Iterator[str]:
    """A decision record says how it would be violated, so that a reviewer can tell."""
    for path in sorted(root.glob("docs/adr/*.md")):
        last = path.read_text(encoding="utf-8").rstrip().rpartition("\n")[2]
        if not last.startswith("A change violates this decision when it "):
            yield f'{where(root, path)}: does not end with "A change violates this decision when it ..."'
