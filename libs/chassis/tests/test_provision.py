"""Applying the declared topics to Kafka, and refusing what differs."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from aiokafka.protocol.metadata import MetadataResponse_v1

from jobforge.chassis.declared_topics import (
    Declared,
    FoundTopic,
    differences,
    offsets_difference,
    settled_difference,
)
from jobforge.chassis.provision import Refused, connected, main, provision
from jobforge.testkit.backends import Plane
from jobforge.testkit.domains import ROOT, plane_apps, plane_domains

DECLARED = Declared.of(apps=["settler"], domains=["settler"])


def _found(**changed: str) -> dict[str, FoundTopic]:
    """The declared topics as Kafka would have them with 8 partitions, with settings of the runs topic changed."""
    found = {topic.name: FoundTopic(topic.partitions or 8, topic.settings()) for topic in DECLARED.topics}
    settings = {name.replace("_", "."): value for name, value in changed.items()}
    found["jobforge.runs"] = FoundTopic(8, {**found["jobforge.runs"].settings, **settings})
    return found


def test_topics_as_declared_are_left_alone() -> None:
    """Applying twice does nothing."""
    assert differences(DECLARED, _found(), partitions=8) == []


def test_topics_that_are_missing_are_no_difference() -> None:
    """They are made."""
    assert differences(DECLARED, {}, partitions=8) == []


def test_another_partition_count_is_refused_with_the_setting_to_change() -> None:
    """Raising it silently would send one run's records to two partitions."""
    problems = differences(DECLARED, _found(), partitions=16)
    assert "jobforge.runs has 8 partitions and needs 16: set JOBFORGE_PARTITIONS=8" in problems
    assert not any("jobforge.control" in problem for problem in problems)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("retention_ms", "604800000"), ("max_message_bytes", "1048576"), ("cleanup_policy", "compact")],
)
def test_a_topic_that_keeps_less_is_refused_with_the_setting_to_change(setting: str, value: str) -> None:
    """What is lost sooner than declared would be missed in a rebuild."""
    name = setting.replace("_", ".")
    [problem] = differences(DECLARED, _found(**{setting: value}), partitions=8)
    assert f"jobforge.runs has {name}={value} and needs" in problem
    assert f"set the topic's {name}=" in problem


@pytest.mark.parametrize("value", ["-1", "31536000000"])
def test_a_topic_that_keeps_more_is_fine(value: str) -> None:
    """An operator may keep records longer."""
    assert differences(DECLARED, _found(retention_ms=value), partitions=8) == []


def test_a_compacted_topic_must_keep_for_ever() -> None:
    """A flag that expires would switch itself back."""
    found = _found()
    settings = {
        **found["jobforge.control"].settings,
        "retention.ms": str(timedelta(days=365) // timedelta(milliseconds=1)),
    }
    found["jobforge.control"] = FoundTopic(1, settings)
    assert len(differences(DECLARED, found, partitions=8)) == 1


def test_the_recorded_partition_count_wins_over_the_environment() -> None:
    """A plane keeps the count it was settled with."""
    assert settled_difference(None, 4) == settled_difference(4, 4) == []
    assert "set JOBFORGE_PARTITIONS=8" in settled_difference(8, 4)[0]


@pytest.mark.parametrize("minutes", ["10080", None])
def test_a_broker_that_forgets_offsets_within_60_days_is_refused(minutes: str | None) -> None:
    """Kafka's default of 7 days would replay the log after a quiet week."""
    assert "set offsets.retention.minutes=86400" in offsets_difference(minutes)[0]
    assert offsets_difference("86400") == []


def test_the_generated_file_declares_what_the_contracts_do() -> None:
    """``schemas/topics.yaml`` and the code cannot drift apart."""
    services = [domain for domain in plane_domains() if domain != "echo"]
    expected = Declared.of(apps=sorted(plane_apps()), domains=services)
    assert Declared.read(ROOT / "schemas" / "topics.yaml") == expected


@pytest.mark.real
async def test_a_real_broker_is_settled_once_and_refuses_another_count(clean_plane: Plane) -> None:
    """A second application does nothing, and another count changes nothing and names the setting."""
    declared = Declared.of(apps=plane_apps(), domains=plane_domains())
    again = await provision(clean_plane.kafka_bootstrap, declared, partitions=clean_plane.partitions)
    assert (again.created, again.recorded) == ((), 0)
    with pytest.raises(Refused, match=r"jobforge\.control records 8 partitions .* set JOBFORGE_PARTITIONS=8"):
        await provision(clean_plane.kafka_bootstrap, declared, partitions=4)


@pytest.mark.real
async def test_a_new_app_gets_its_topics_and_is_registered(clean_plane: Plane) -> None:
    """An app that was added to the list later is accepted without touching what is there."""
    declared = Declared.of(apps=[*plane_apps(), "newcomer"], domains=plane_domains())
    applied = await provision(clean_plane.kafka_bootstrap, declared, partitions=clean_plane.partitions)
    assert applied.created == ("jobforge.events.newcomer", "jobforge.inbox.newcomer")
    assert applied.recorded == 1


@pytest.mark.real
def test_the_command_says_what_is_refused(plane: Plane, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit code 1 and one line that names the setting."""
    topics = str(ROOT / "schemas" / "topics.yaml")
    assert main(["--topics", topics, "--bootstrap", plane.kafka_bootstrap, "--partitions", "8"]) == 0
    assert main(["--topics", topics, "--bootstrap", plane.kafka_bootstrap, "--partitions", "9"]) == 1
    assert "set JOBFORGE_PARTITIONS=8" in capsys.readouterr().err


async def test_a_cluster_that_lists_no_broker_is_asked_again_until_it_does() -> None:
    """Kafka went on after a pause, answered, and listed nobody; who asked it next met no broker at all."""
    metadata, lists = 3, [0, 0, 1]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(4):
            request = await reader.readexactly(int.from_bytes(head, "big"))
            body = b"\0\0" + b"\0\0\0\1" + b"\0\3\0\0\0\1"  # of metadata, versions 0 and 1
            if int.from_bytes(request[:2], "big") == metadata:
                listed = lists.pop(0) if len(lists) > 1 else lists[0]
                body = MetadataResponse_v1([(1, "127.0.0.1", port, None)] * listed, 1, []).encode()
            writer.write((4 + len(body)).to_bytes(4, "big") + request[4:8] + body)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        admin = await connected(f"127.0.0.1:{port}", "test")
        assert (await admin.describe_cluster())["brokers"]
        await admin.close()
