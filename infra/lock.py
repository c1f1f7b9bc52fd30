"""Pins every version of the workspace, to the last transitive one, in the root's ``constraint-dependencies``.

``python infra/lock.py`` keeps the pins that are there, adds what is new and drops what nothing needs any more.
``--upgrade`` looks for newer versions of everything, ``--upgrade-package NAME`` of one; ``--check`` writes nothing and
exits 1 if the pins are not complete. Only names and versions are kept: ``uv.lock`` also records where files were
downloaded from, so it stays out of git and the project installs from any mirror.
"""

import argparse
import os
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^constraint-dependencies = \[.*?\]$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"^[A-Za-z0-9._-]+")


def pins(lock: Mapping[str, Any]) -> list[str]:
    """``name==version`` of every package in a parsed ``uv.lock`` that comes from an index, sorted by name.

    A package that needs another version on some platform or Python has a line for each, with its marker.
    """
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for package in lock["package"]:
        if "registry" in package["source"]:
            found[package["name"]].append(package)
    lines = []
    for name in sorted(found):
        for package in found[name]:
            line = f"{name}=={package['version']}"
            if len(found[name]) > 1:
                line += f" ; {' or '.join(f'({marker})' for marker in package['resolution-markers'])}"
            lines.append(line)
    return sorted(lines)


def with_pins(text: str, lines: Sequence[str]) -> str:
    """The text of a pyproject.toml with these constraints in the place of the old ones."""
    # TOML's literal strings, since markers hold double quotes.
    entries = "".join(f"    '{line}',\n" if '"' in line else f'    "{line}",\n' for line in lines)
    block = f"constraint-dependencies = [\n{entries}]" if lines else "constraint-dependencies = []"
    replaced, count = BLOCK.subn(lambda _: block, text)
    if count != 1:
        raise SystemExit("pyproject.toml needs exactly one `constraint-dependencies = [...]` under [tool.uv]")
    return replaced


def kept(lines: Sequence[str], *, upgrade: bool, packages: Sequence[str]) -> list[str]:
    """The pins that still hold while versions are chosen."""
    if upgrade:
        return []
    return [line for line in lines if (found := NAME.match(line)) is None or found.group() not in packages]


def resolve(root: Path, *, upgrade: bool, packages: Sequence[str]) -> list[str]:
    """Choose versions with ``uv lock`` under the pins in pyproject.toml and return all of them."""
    command = ["uv", "lock", "--quiet"]
    command += ["--upgrade"] if upgrade else []
    for package in packages:
        command += ["--upgrade-package", package]
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(command, cwd=root, env=environment, check=True)
    return pins(tomllib.loads((root / "uv.lock").read_text(encoding="utf-8")))


def lock(root: Path, *, upgrade: bool = False, packages: Sequence[str] = (), check: bool = False) -> bool:
    """Bring the pins up to date; True if they changed, or would. Whatever fails, pyproject.toml is left whole."""
    path = root / "pyproject.toml"
    before = path.read_text(encoding="utf-8")
    held = kept(
        tomllib.loads(before)["tool"]["uv"]["constraint-dependencies"],
        upgrade=upgrade,
        packages=packages,
    )
    after = before
    try:
        if with_pins(before, held) != before and (upgrade or packages):
            path.write_text(with_pins(before, held), encoding="utf-8")
        after = with_pins(before, resolve(root, upgrade=upgrade, packages=packages))
    finally:
        wanted = before if check else after
        if path.read_text(encoding="utf-8") != wanted:
            path.write_text(wanted, encoding="utf-8")
    return after != before


def main() -> int:
    """The command; see the module's docstring."""
    parser = argparse.ArgumentParser(description="Pin every version of the workspace in pyproject.toml.")
    parser.add_argument("--upgrade", action="store_true", help="look for newer versions of everything")
    parser.add_argument("--upgrade-package", action="append", default=[], metavar="NAME", help="look for a newer NAME")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the pins are not complete")
    given = parser.parse_args()
    changed = lock(ROOT, upgrade=given.upgrade, packages=given.upgrade_package, check=given.check)
    if given.check and changed:
        print("pins are not complete: run `make lock` and commit pyproject.toml", file=sys.stderr)
        return 1
    print("pins changed in pyproject.toml" if changed else "pins are complete")
    return 0


if __name__ == "__main__":
    sys.exit(main())
