"""Topics are data: named, keyed, sized and kept as declared."""

import re
from datetime import timedelta

import pytest
import yaml

from jobforge.contracts import topics
from jobforge.contracts.asyncapi import ORIGINAL_BYTES, Participant, asyncapi_document
from jobforge.contracts.dead_letter import ADDED_HEADERS
from jobforge.contracts.export import topics_document, topics_yaml
from jobforge.contracts.topics import TOPICS, Topic, every_topic

APPS, DOMAINS = ("settler", "aias"), ("settler", "keys-usage")
RECORD_TOPICS = [topic for topic in TOPICS if topic.messages]


def test_topics_are_made_for_every_app_and_domain() -> None:
    """A family has one topic a member; the rest are one each; none is named twice."""
    names = [named.name for named in every_topic(apps=APPS, domains=DOMAINS)]
    assert names == sorted(set(names))
    assert {"jobforge.inbox.aias", "jobforge.events.settler", "jobforge.jobs.keys-usage", "jobforge.runs"} <= set(names)
    assert not any("{" in name for name in names)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_pattern_finds_its_own_family_and_no_other(topic: Topic) -> None:
    """A reader by pattern sees every member, and no record of another topic."""
    member = "" if topic.per == "plane" else "aias"
    assert re.search(topic.pattern, topic.named(member))
    others = [named.name for named in every_topic(apps=APPS, domains=DOMAINS) if named.topic is not topic]
    assert not [name for name in others if re.search(topic.pattern, name)]


def test_runs_and_jobs_share_the_planes_partition_count() -> None:
    """Reads find a run's partition from its key alone, so all of these count alike."""
    for topic in (topics.JOBS, topics.RUNS, topics.MANIFESTS):
        assert topic.partitions is None
        assert topic.key == "<tenant_id>:<run_id>"


def test_offsets_outlive_every_record() -> None:
    """A quiet month must not make a reader start again."""
    kept = [topic.retention for topic in TOPICS if topic.retention is not None]
    assert max(kept) + timedelta(days=7) < topics.OFFSETS_RETENTION


def test_what_an_app_may_publish_fits_every_topic_it_goes_on_to() -> None:
    """An inbox record, with what admission adds, is never too large for events, jobs or rejected."""
    assert topics.INBOX.max_message_bytes == 1024 * 1024
    assert all(topic.max_message_bytes >= 2 * 1024 * 1024 for topic in TOPICS if topic is not topics.INBOX)


def test_the_largest_record_of_any_topic_can_be_set_aside_with_its_reason() -> None:
    """A record that its dead letter topic refused would block its partition for ever."""
    largest = max(topic.max_message_bytes for topic in TOPICS if topic.messages)
    room = sum(len(name) for name in ADDED_HEADERS) + 4 * 1000 + 1000
    for topic in (topics.DEAD_LETTERS, topics.REJECTED):
        assert topic.max_message_bytes >= largest + room


def test_the_document_says_what_a_provisioner_needs() -> None:
    """Compacted topics are kept for ever; null partitions mean the plane's count."""
    document = topics_document(apps=APPS, domains=DOMAINS)
    by_name = {topic["name"]: topic for topic in document["topics"]}
    assert by_name["jobforge.control"] | {"about": "", "messages": []} == {
        "name": "jobforge.control",
        "partitions": 1,
        "retention_ms": None,
        "compacted": True,
        "max_message_bytes": 2097152,
        "key": "<kind>:<id>",
        "messages": [],
        "writers": ["ingestion", "keys-usage", "operators", "scheduler", "settler"],
        "readers": ["ingestion", "keys-usage", "manifest", "scheduler", "settler"],
        "about": "",
    }
    assert by_name["jobforge.jobs.settler"]["readers"] == ["manifest", "settler"]
    assert by_name["jobforge.jobs.settler"]["partitions"] is None
    assert by_name["jobforge.runs"]["retention_ms"] == 30 * 24 * 3600 * 1000


def test_the_same_declarations_give_the_same_bytes() -> None:
    """In whatever order apps and domains are listed."""
    text = topics_yaml(apps=APPS, domains=DOMAINS)
    assert text == topics_yaml(apps=reversed(APPS), domains=reversed(DOMAINS))
    assert yaml.safe_load(text) == topics_document(apps=APPS, domains=DOMAINS)


@pytest.mark.parametrize("name", ["ingestion", "manifest", "settler"])
def test_an_asyncapi_document_resolves_every_reference(name: str) -> None:
    """Each ``$ref`` points at something in the same document."""
    service = Participant(name, "About.", "1.0.0", is_domain=name == "settler")
    document = asyncapi_document(service, apps=APPS, domains=DOMAINS)
    for reference in re.findall(r"'\$ref': '#/([^']+)'", repr(document)):
        found = document
        for part in reference.split("/"):
            found = found[part]
    assert document["operations"]


def test_a_domain_is_shown_with_its_own_topics_only() -> None:
    """Settler reads its jobs and nobody else's; what it cannot read goes on with its original bytes."""
    service = Participant("settler", "About.", "1.0.0", is_domain=True)
    document = asyncapi_document(service, apps=APPS, domains=DOMAINS)
    assert {name for name in document["operations"] if name.startswith("receive")} == {
        "receive.jobforge.jobs.settler",
        "receive.jobforge.jobs.settler.slow",
        "receive.jobforge.control",
    }
    assert list(document["channels"]["jobforge.dlq.settler"]["messages"]) == [ORIGINAL_BYTES]
    inbox = asyncapi_document(Participant("ingestion", "", "1", is_domain=False), apps=APPS, domains=DOMAINS)
    assert inbox["channels"]["jobforge.inbox.source_app"]["parameters"] == {"source_app": {"enum": ["aias", "settler"]}}
