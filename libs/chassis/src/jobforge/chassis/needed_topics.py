"""Which topics a service reads and writes, and what is wrong with those that a plane has."""

import re
from collections.abc import Iterable, Mapping

from jobforge.contracts.topics import RUNS, TOPICS, Topic

DOMAIN = "domain"
"""The role of every service that runs templates; the other services are named in the topics themselves."""
LISTED = 8
"""Problems that are spelled out; a plane without any topics would fill a page."""


def problems(
    role: str, service: str, found: Mapping[str, int], *, partitions: int, apps: Iterable[str] = ()
) -> list[str]:
    """Why a service cannot work with these topics (partition counts by name), each with what to do; empty when it can.

    ``partitions`` is what the service was told; ``jobforge.runs`` shows what the plane has. Of a family with a topic
    for each domain, a service that is no domain needs those that are there to be right; of one for each app, those of
    ``apps`` must also be there.
    """
    plane = found.get(RUNS.name, 0)
    if plane not in (0, partitions):
        return [
            f"the plane has {plane} partitions, this service was told {partitions}: set JOBFORGE_PARTITIONS={plane}"
        ]
    checked = [topic for topic in TOPICS if topic is RUNS or role in (*topic.readers, *topic.writers)]
    return [
        problem
        for topic in checked
        for name in _names(topic, role, service, found, apps)
        if (problem := _problem(name, found.get(name, 0), topic.partitions or partitions))
    ]


def told(wrong: list[str]) -> str:
    """The problems in one line."""
    more = len(wrong) - LISTED
    return "; ".join([*wrong[:LISTED], *([f"and {more} more"] if more > 0 else [])])


def _names(topic: Topic, role: str, service: str, found: Iterable[str], apps: Iterable[str]) -> list[str]:
    match topic.per:
        case "plane":
            return [topic.name]
        case "domain" if role == DOMAIN:
            return [topic.named(service)]
        case "domain":
            return sorted(name for name in found if re.match(topic.pattern, name))
        case _:
            there = {name for name in found if re.match(topic.pattern, name)}
            return sorted(there | {topic.named(app) for app in apps})


def _problem(name: str, found: int, needed: int) -> str | None:
    if found == needed:
        return None
    if found == 0:
        return f"the topic {name} does not exist: apply schemas/topics.yaml"
    remedy = f"kafka-topics.sh --alter --topic {name} --partitions {needed}"
    if found > needed:
        remedy = "delete it and apply schemas/topics.yaml"
    return f"the topic {name} has {found} partitions and needs {needed}: {remedy}"
