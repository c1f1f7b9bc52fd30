"""Which apps and domains the tests' plane has topics for."""

import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[5]


def plane_apps() -> tuple[str, ...]:
    """The apps that ``infra/kafka/apps.yaml`` lists."""
    document = yaml.safe_load((ROOT / "infra" / "kafka" / "apps.yaml").read_text(encoding="utf-8"))
    return tuple(document["apps"])


def plane_domains() -> tuple[str, ...]:
    """Every service that registers itself as a domain, and the testkit's own ``echo``."""
    found = ["echo"]
    for path in ROOT.glob("services/*/pyproject.toml"):
        registered = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("jobforge", {})
        if registered.get("kind") == "domain":
            found.append(path.parent.name)
    return tuple(sorted(found))
