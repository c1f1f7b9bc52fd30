"""Where a request goes and what it carries: lanes, queue deadlines, and whose replay it is."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

from jobforge.contracts.control import TemplateAnnounced
from jobforge.contracts.dead_letter import added_headers
from jobforge.contracts.identity import run_id_for_key
from jobforge.contracts.jobs import JobRequested
from jobforge.ingestion.app import inbox_reader

Door = Any
"""``DoorInMemory`` of conftest.py."""
SLOW = "jobforge.jobs.settler.slow"


def jobs(door: Door, topic: str) -> list[JobRequested]:
    return [JobRequested.model_validate_json(record.value) for record in door.log.records(topic)]


async def read(door: Door, app: str, *values: dict[str, Any]) -> list[dict[str, str]]:
    """Let ingestion read these from an app's inbox; what it set aside."""
    topic = f"jobforge.inbox.{app}"
    for value in values:
        door.log.append(topic, None, json.dumps(value).encode(), (), 0)
    reader = inbox_reader(door.settings, door.plane, _cluster_id, back_off=0.01)
    async with door.log.member(group=uuid4().hex, topics=[topic], reader=reader):
        await door.log.grown(5)
    return [dict(added_headers(record.headers)) for record in door.log.records("jobforge.rejected")]


async def _cluster_id() -> str:
    return "cluster-1"


async def test_a_long_templates_request_goes_to_its_slow_lane(door: Door) -> None:
    """Over HTTP and through Kafka alike; other templates stay where they were."""
    known = door.control.templates["settler.contract.process"]
    door.put(TemplateAnnounced.model_validate({**known.model_dump(), "lane": "slow"}))
    assert (await door.client.post("/v1/jobs", json=door.job)).status_code == 202
    assert await read(door, "settler", {**door.job, "kind": "job"}) == []
    assert (len(jobs(door, SLOW)), jobs(door, door.jobs)) == (2, [])


async def test_a_queue_deadline_counts_from_the_request(door: Door) -> None:
    """``start_within`` seconds after it was accepted; none given, none set. It is no part of the body's digest."""
    for more in ({"start_within": 90}, {}):
        answer = await door.client.post("/v1/jobs", json={**door.job, **more}, headers={"idempotency-key": "k"})
        assert answer.status_code == 202
    within, without = jobs(door, door.jobs)
    assert within.start_by == within.requested_at + timedelta(seconds=90)
    assert without.start_by is None
    refused = await door.client.post("/v1/jobs", json={**door.job, "start_within": 0})
    assert refused.json()["errors"][0]["pointer"] == "/start_within"


async def test_a_replay_says_whose_it_is_and_where_the_chain_began(door: Door) -> None:
    """Read twice it is one run, since its key is the dead letter's place."""
    of, root = uuid4(), uuid4()
    replay = {**door.job, "kind": "job", "idempotency_key": "replay:jobforge.dlq.settler:0:4"}
    replay |= {"replay_of": str(of), "root_run_id": str(root)}
    assert await read(door, "jobforge", replay, replay) == []
    found = jobs(door, door.jobs)
    assert {(job.run_id, job.replay_of, job.root_run_id) for job in found} == {
        (run_id_for_key("acme", "settler.contract.process", "replay:jobforge.dlq.settler:0:4"), of, root)
    }
    assert {job.requested_by.source_app for job in found} == {"jobforge"}


async def test_only_operators_may_say_whose_replay_a_request_is(door: Door) -> None:
    """An app that could name a root could take another run's effects for its own: the field is named in the refusal."""
    for name in ("replay_of", "root_run_id"):
        aside = await read(door, "settler", {**door.job, "kind": "job", name: str(uuid4())})
        assert aside[-1]["jobforge-reason"] == "request.invalid"
        assert aside[-1]["jobforge-detail"].startswith(f"/{name}: only the inbox of jobforge takes replays")
    answer = await door.client.post("/v1/jobs", json={**door.job, "replay_of": str(uuid4())})
    assert answer.json()["errors"][0]["pointer"] == "/replay_of"
    assert jobs(door, door.jobs) == []
