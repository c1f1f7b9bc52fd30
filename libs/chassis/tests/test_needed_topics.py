"""What a service says of a plane whose topics are not as declared."""

import pytest

from jobforge.chassis.needed_topics import DOMAIN, problems, told
from jobforge.contracts.topics import every_topic

PLANE = {named.name: named.topic.partitions or 8 for named in every_topic(apps=["shop"], domains=["echo", "settler"])}


def wrong(role: str, service: str, apps: tuple[str, ...] = (), /, **changed: int) -> list[str]:
    """The problems of a service on a plane where some topics (``_`` for a dot) have another count, 0 for none."""
    found = PLANE | {f"jobforge.{name.replace('_', '.')}": count for name, count in changed.items()}
    return problems(role, service, {name: n for name, n in found.items() if n}, partitions=8, apps=apps)


@pytest.mark.parametrize(
    ("role", "service"),
    [(DOMAIN, "echo"), (DOMAIN, "settler"), ("ingestion", "ingestion"), ("manifest", "manifest"), ("scheduler", "x")],
)
def test_a_plane_as_declared_is_fine_with_every_service(role: str, service: str) -> None:
    """Nobody needs what is another's."""
    assert wrong(role, service, ("shop",)) == []


@pytest.mark.parametrize(
    ("role", "service", "missing"),
    [
        (DOMAIN, "echo", "jobs_echo"),
        (DOMAIN, "echo", "jobs_echo_slow"),
        (DOMAIN, "echo", "dlq_echo"),
        (DOMAIN, "echo", "retry_30s"),
        (DOMAIN, "echo", "runs"),
        ("ingestion", "ingestion", "rejected"),
        ("manifest", "manifest", "manifests"),
        ("scheduler", "scheduler", "retry_10m"),
        ("ingestion", "ingestion", "control"),
    ],
)
def test_a_missing_topic_is_named_with_what_to_do(role: str, service: str, missing: str) -> None:
    """Read or written, it is needed."""
    name = "jobforge." + missing.replace("_", ".")
    assert wrong(role, service, **{missing: 0}) == [f"the topic {name} does not exist: apply schemas/topics.yaml"]


def test_a_topic_with_too_few_partitions_is_named_with_the_command_that_adds_them() -> None:
    """Runs would be sought in partitions that are not there."""
    (problem,) = wrong(DOMAIN, "echo", jobs_echo=3)
    assert problem == (
        "the topic jobforge.jobs.echo has 3 partitions and needs 8: "
        "kafka-topics.sh --alter --topic jobforge.jobs.echo --partitions 8"
    )


def test_another_domains_topics_are_the_doors_and_not_the_neighbours_business() -> None:
    """A domain is deployed alone; who writes to all domains needs all of them right."""
    assert wrong(DOMAIN, "echo", jobs_settler=3) == []
    assert "jobforge.jobs.settler has 3" in wrong("ingestion", "ingestion", jobs_settler=3)[0]
    assert "jobforge.jobs.settler has 3" in wrong("manifest", "manifest", jobs_settler=3)[0]


def test_a_registered_app_without_topics_is_named() -> None:
    """Ingestion would accept its events and could write them nowhere."""
    found = wrong("ingestion", "ingestion", ("shop", "keys"))
    assert found == [
        "the topic jobforge.inbox.keys does not exist: apply schemas/topics.yaml",
        "the topic jobforge.events.keys does not exist: apply schemas/topics.yaml",
    ]


def test_another_count_of_the_whole_plane_is_one_problem_with_the_setting_to_change() -> None:
    """Not one for each topic."""
    found = {name: 3 if count == 8 else count for name, count in PLANE.items()}
    assert problems(DOMAIN, "echo", found, partitions=8) == [
        "the plane has 3 partitions, this service was told 8: set JOBFORGE_PARTITIONS=3"
    ]


def test_many_problems_stay_one_readable_line() -> None:
    """A plane without topics would fill a page."""
    assert told([str(number) for number in range(20)]) == "0; 1; 2; 3; 4; 5; 6; 7; and 12 more"
    assert told(["a", "b"]) == "a; b"
