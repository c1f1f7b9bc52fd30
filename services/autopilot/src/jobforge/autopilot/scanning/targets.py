"""What may be scanned: targets that a file registers by name, and URLs on allowed hosts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobforge.autopilot.scanning.failures import TargetNotAllowed
from jobforge.autopilot.scanning.places import Place, place_of

MOST_BYTES = 1024 * 1024


class TargetSettings(BaseSettings):
    """What may be scanned, ``JOBFORGE_<NAME>``; nothing until something is set."""

    model_config = SettingsConfigDict(env_prefix="JOBFORGE_", frozen=True, extra="ignore")

    targets_file: Path | None = Field(default=None, description="YAML: a list of name, url and allow_private.")
    autopilot_allowed_hosts: str = Field(
        default="", description="Comma-separated hosts, `name` or `name:port`, whose URLs may be scanned."
    )
    autopilot_ca_file: Path | None = Field(
        default=None, description="Authorities (PEM) that certificates are checked against, instead of the system's."
    )


class Registered(BaseModel):
    """An entry of the targets' file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")
    url: str
    allow_private: bool = Field(default=False, description="Whether it may have an address that is not public.")


class TargetsFileInvalid(ValueError):
    """The file that JOBFORGE_TARGETS_FILE names cannot be read; the service does not start."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Places by name, hosts whose URLs are targets too, and the hosts and ports that may have private addresses."""

    by_name: Mapping[str, Place] = field(default_factory=dict)
    hosts: frozenset[str] = frozenset()
    private: frozenset[tuple[str, int]] = frozenset()

    def place(self, target: str) -> Place:
        """Where to look; raises ``TargetNotAllowed`` with what to change."""
        if target in self.by_name:
            return self.by_name[target]
        if "://" not in target:
            raise TargetNotAllowed(
                f"target: no target is called {target!r:.100}; register it in the file that JOBFORGE_TARGETS_FILE names"
            )
        place = place_of(target)
        if place.authority in self.hosts or place.origin in {each.origin for each in self.by_name.values()}:
            return place
        raise TargetNotAllowed(
            f"target: {place.authority} is neither an allowed host nor that of a registered target; add it to "
            f"JOBFORGE_AUTOPILOT_ALLOWED_HOSTS or to the file that JOBFORGE_TARGETS_FILE names"
        )


def targets_of(settings: TargetSettings) -> Targets:
    """The targets that the settings allow; reads the file, and raises ``TargetsFileInvalid``."""
    hosts = frozenset(host.strip().lower() for host in settings.autopilot_allowed_hosts.split(",") if host.strip())
    return registered(_entries(settings.targets_file) if settings.targets_file else [], hosts)


def registered(entries: Iterable[Registered], hosts: frozenset[str] = frozenset()) -> Targets:
    """Targets of these entries; raises ``TargetsFileInvalid`` for an URL that cannot be scanned, or a name twice."""
    by_name: dict[str, Place] = {}
    private = set()
    for entry in entries:
        if entry.name in by_name:
            raise TargetsFileInvalid(f"JOBFORGE_TARGETS_FILE: the name {entry.name} is there twice; rename one")
        try:
            place = by_name[entry.name] = place_of(entry.url)
        except TargetNotAllowed as error:
            raise TargetsFileInvalid(f"JOBFORGE_TARGETS_FILE: {entry.name}: {error}") from None
        if entry.allow_private:
            private.add((place.host, place.port))
    return Targets(by_name, hosts, frozenset(private))


def _entries(file: Path) -> list[Registered]:
    try:
        with file.open("rb") as opened:
            text = opened.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise TargetsFileInvalid(f"JOBFORGE_TARGETS_FILE: {file} has more than {MOST_BYTES} bytes")
        return TypeAdapter(list[Registered]).validate_python(yaml.safe_load(text) or [])
    except OSError as error:
        raise TargetsFileInvalid(f"JOBFORGE_TARGETS_FILE: {file} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValidationError) as error:
        raise TargetsFileInvalid(
            f"JOBFORGE_TARGETS_FILE: {file} is no list of name, url and allow_private: {error}"
        ) from error
