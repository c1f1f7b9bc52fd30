"""What topics should be, what Kafka has, and how the two differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import yaml

from jobforge.contracts.topics import CONTROL, OFFSETS_RETENTION, every_topic

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic as it is declared; ``partitions`` None is the plane's count, ``retention`` None is for ever."""

    name: str
    partitions: int | None
    retention: timedelta | None
    compacted: bool
    max_message_bytes: int

    def settings(self) -> dict[str, str]:
        """Kafka's settings of the topic."""
        retention = -1 if self.retention is None else self.retention // timedelta(milliseconds=1)
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "retention.ms": str(retention),
            "max.message.bytes": str(self.max_message_bytes),
        }


@dataclass(frozen=True, slots=True)
class Declared:
    """Everything that is declared: the topics, and the apps whose topics they are."""

    topics: tuple[WantedTopic, ...]
    apps: tuple[str, ...]

    @classmethod
    def of(cls, *, apps: Iterable[str], domains: Iterable[str]) -> "Declared":
        """What the contracts declare for these apps and domains."""
        apps = tuple(apps)
        topics = tuple(
            WantedTopic(
                named.name,
                named.topic.partitions,
                named.topic.retention,
                named.topic.compacted,
                named.topic.max_message_bytes,
            )
            for named in every_topic(apps=apps, domains=domains)
        )
        return cls(topics, apps)

    @classmethod
    def read(cls, path: Path) -> "Declared":
        """What a generated ``topics.yaml`` declares."""
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        topics = tuple(
            WantedTopic(
                entry["name"],
                entry["partitions"],
                None if entry["retention_ms"] is None else timedelta(milliseconds=entry["retention_ms"]),
                entry["compacted"],
                entry["max_message_bytes"],
            )
            for entry in document["topics"]
        )
        return cls(topics, tuple(document["apps"]))


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as Kafka has it."""

    partitions: int
    settings: Mapping[str, str]


def differences(declared: Declared, found: Mapping[str, FoundTopic], *, partitions: int) -> list[str]:
    """Why these topics cannot be used as they are, each with the setting to change; empty when they can."""
    return [
        problem
        for wanted in declared.topics
        if wanted.name in found
        for problem in _topic_differences(wanted, found[wanted.name], partitions)
    ]


def _topic_differences(wanted: WantedTopic, found: FoundTopic, partitions: int) -> list[str]:
    problems = []
    count = wanted.partitions or partitions
    if found.partitions != count:
        remedy = "create it anew" if wanted.partitions else f"set JOBFORGE_PARTITIONS={found.partitions}"
        problems.append(f"{wanted.name} has {found.partitions} partitions and needs {count}: {remedy}")
    for name, value in wanted.settings().items():
        if not _holds(name, found.settings.get(name, ""), value):
            problems.append(
                f"{wanted.name} has {name}={found.settings.get(name)} and needs {value}: set the topic's {name}={value}"
            )
    return problems


def _holds(name: str, found: str, wanted: str) -> bool:
    if name == "cleanup.policy":
        return found == wanted
    if not found.lstrip("-").isdigit():
        return False
    if name == "retention.ms" and -1 in (int(found), int(wanted)):
        return int(found) == -1
    return int(found) >= int(wanted)


def settled_difference(settled: int | None, partitions: int) -> list[str]:
    """Why this partition count is not the recorded one; empty when it is, or when none was recorded."""
    if settled is None or settled == partitions:
        return []
    remedy = f"set JOBFORGE_PARTITIONS={settled}"
    return [f"{CONTROL.name} records {settled} partitions and JOBFORGE_PARTITIONS says {partitions}: {remedy}"]


def offsets_difference(minutes: str | None) -> list[str]:
    """Why the broker forgets consumer offsets too soon; empty when it does not."""
    needed = OFFSETS_RETENTION // MINUTE
    if minutes is not None and int(minutes) >= needed:
        return []
    return [f"the broker has offsets.retention.minutes={minutes}: set offsets.retention.minutes={needed}"]
