"""What ties a tree to one machine, one mirror or one day: none of it is tracked."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from laws.tree import imported, pyproject, tracked, where

# Spelt in pieces, so that this file does not break its own law.
_HOSTS = (
    "pypi" + ".org",
    "files.python" + "hosted.org",
    "registry.npm" + "js.org",
    "registry.yarn" + "pkg.com",
    "repo.maven" + ".apache.org",
    "repo1.maven" + ".org",
    "proxy.go" + "lang.org",
    "sum.go" + "lang.org",
    "index." + "crates.io",
)
HOST = re.compile(
    "|".join(re.escape(host) for host in _HOSTS) + r"|index-url\s*=|https?://\d+\.\d+\.\d+\.\d+:\d+/simple"
)
MACHINE_PATH = re.compile(r"(?<![\w.:/$}-])/(?:root|work|home/\w+|Users/\w+)(?![\w-])")
PIN = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==\d[^\s;,]*(?:\s*;.+)?$")
REQUIREMENT = re.compile(r"^\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")
TEXT_LIMIT = 2 * 1024 * 1024


def _lines(root: Path) -> Iterator[tuple[Path, int, str]]:
    for path in tracked(root):
        if path.stat().st_size > TEXT_LIMIT:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        yield from ((path, number, line) for number, line in enumerate(text.splitlines(), 1))


def machine_paths(root: Path) -> Iterator[str]:
    """A tracked file names no folder of the machine it was written on; an image's own folders are its own affair."""
    for path, number, line in _lines(root):
        if MACHINE_PATH.search(line) and not path.name.endswith("Dockerfile"):
            yield f"{where(root, path, number)}: names a folder of one machine"


def registry_hosts(root: Path) -> Iterator[str]:
    """A tracked file names no package registry: the project installs from any mirror."""
    for path, number, line in _lines(root):
        found = HOST.search(line)
        if found:
            yield f"{where(root, path, number)}: names the registry {found.group()}"


def tracked_locks(root: Path) -> Iterator[str]:
    """Lock files that record download addresses stay out of git; the pins are in the root's constraints."""
    for path in tracked(root):
        if path.name in {"uv.lock", "package-lock.json", "poetry.lock", "yarn.lock"}:
            yield f"{where(root, path)}: a lock file with download addresses; untrack it"


def unpinned_versions(root: Path) -> Iterator[str]:
    """Every dependency of every package has one exact version in the root's constraint-dependencies."""
    constraints = pyproject(root).get("tool", {}).get("uv", {}).get("constraint-dependencies", [])
    pinned = set()
    for constraint in constraints:
        found = PIN.match(constraint)
        if found is None:
            yield f"pyproject.toml: {constraint!r} is not one exact version; run `make lock`"
        else:
            pinned.add(normal(found["name"]))
    for path in sorted([root / "pyproject.toml", *root.glob("*/*/pyproject.toml")]):
        for requirement in _requirements(path.parent):
            name = normal(requirement)
            if name not in pinned and not name.startswith("jobforge-"):
                yield f"{where(root, path)}: {name} is not pinned; run `make lock`"


def _requirements(folder: Path) -> list[str]:
    document = pyproject(folder)
    project = document.get("project", {})
    listed = list(project.get("dependencies", []))
    for extra in [*project.get("optional-dependencies", {}).values(), *document.get("dependency-groups", {}).values()]:
        listed += [each for each in extra if isinstance(each, str)]
    return [found["name"] for each in listed if (found := REQUIREMENT.match(each))]


def normal(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def unpinned_images(root: Path) -> Iterator[str]:
    """Every container image in a compose file has a version."""
    for path in sorted([*root.glob("docker-compose*.yml"), *root.glob("infra/compose/*.yml")]):
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        for name, stanza in (document.get("services") or {}).items():
            image = (stanza or {}).get("image")
            if image and not re.search(r":(?!latest$)[^/]+$", image):
                yield f"{where(root, path)}: {name} uses {image}, which has no version"


def undeclared_packages(root: Path) -> Iterator[str]:
    """A package imports only the JobForge packages that its pyproject (or one it depends on) declares."""
    folders = {path.parent.name: path.parents[3] for path in root.glob("*/*/src/jobforge/*/__init__.py")}
    declared = {
        name: {
            each.removeprefix("jobforge-")
            for each in map(normal, _requirements(folder))
            if each.startswith("jobforge-")
        }
        for name, folder in folders.items()
    }
    for name, folder in sorted(folders.items()):
        reachable = _closure(name, declared)
        for path in sorted((folder / "src" / "jobforge" / name).rglob("*.py")):
            for line, target in imported(path):
                parts = target.split(".")
                if parts[0] == "jobforge" and len(parts) > 1 and parts[1] not in reachable:
                    yield f"{where(root, path, line)}: {folder.name}'s pyproject does not declare jobforge-{parts[1]}"


def _closure(name: str, declared: dict[str, set[str]]) -> set[str]:
    found, queue = {name}, [name]
    while queue:
        for each in declared.get(queue.pop(), set()) - found:
            found.add(each)
            queue.append(each)
    return found
