"""The two hot requests: what is answered, what is on the log by then, and what everything wrong is told."""

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from jobforge.chassis.wire import Position
from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.identity import body_digest, event_key, partition_of, run_id_for_key, run_key
from jobforge.contracts.jobs import JobAccepted, JobRequested
from jobforge.contracts.problem import MEDIA_TYPE
from jobforge.testkit.waiting import until

Door = Any
"""``DoorInMemory`` of conftest.py."""


def problem(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["content-type"] == MEDIA_TYPE
    body: dict[str, Any] = response.json()
    assert body["status"] == response.status_code
    return body


async def test_an_accepted_event_is_on_its_apps_topic_under_its_subjects_key(door: Door) -> None:
    """202 means that the record is written; one subject's events share a partition."""
    response = await door.client.post("/v1/events", json=door.event)
    assert response.status_code == 202
    receipt = response.json()
    assert receipt == {"event_id": receipt["event_id"], "trace_id": "trace_1_abc", "audit_id": None}
    [record] = door.log.records(door.events)
    key = event_key("settler", "acme", "c-17", "trace_1_abc")
    assert (record.key, record.partition) == (key, partition_of(key, door.settings.partitions))
    envelope = EventEnvelope.model_validate_json(record.value)
    assert str(envelope.event_id) == receipt["event_id"]
    assert envelope.payload == door.event["payload"]
    assert envelope.occurred_at == envelope.received_at


async def test_an_event_keeps_the_id_and_time_that_its_app_gave(door: Door) -> None:
    """A repeat of the same event is the same event."""
    event_id = "018f6f2e-7d53-7cc3-8a4c-4f1f3e4b5c6d"
    sent = {**door.event, "event_id": event_id, "occurred_at": "2026-11-01T10:00:00+02:00"}
    assert (await door.client.post("/v1/events", json=sent)).json()["event_id"] == event_id
    envelope = json.loads(door.log.records(door.events)[0].value)
    assert envelope["occurred_at"] == "2026-11-01T08:00:00.000000Z"


async def test_personal_data_is_replaced_before_anything_is_published(door: Door) -> None:
    """The marker is on no topic."""
    payload = {"person": {"email": "marker@example.org"}, "contract_id": "c-17"}
    sent = {**door.event, "payload": payload, "contains_pii": True, "redaction_hints": ["person.*"]}
    assert (await door.client.post("/v1/events", json=sent)).status_code == 202
    value = door.log.records(door.events)[0].value
    assert b"marker" not in value
    assert json.loads(value)["payload"] == {"person": {"email": "[REDACTED]"}, "contract_id": "c-17"}


async def test_an_accepted_job_is_one_record_and_the_answer_says_where(door: Door) -> None:
    """The snapshot in the 202 is the job as every door shows it."""
    response = await door.client.post("/v1/jobs", json=door.job, headers={"Idempotency-Key": "k-1"})
    assert response.status_code == 202
    accepted = JobAccepted.model_validate_json(response.content)
    run_id = run_id_for_key("acme", "settler.contract.process", "k-1")
    [record] = door.log.records(door.jobs)
    assert accepted.job.id == run_id
    assert (accepted.job.status, accepted.job.attempt, accepted.job.max_attempts) == ("queued", 0, 3)
    assert accepted.job.as_of == str(Position(record.topic, record.partition, record.offset))
    assert accepted.job.requested_by.actor_id == "settler-service"
    assert record.key == run_key("acme", run_id)
    job = JobRequested.model_validate_json(record.value)
    assert job.template_version == "3"
    assert job.requested_at == accepted.job.created_at
    assert job.body_digest == body_digest("acme", None, job.template_key, door.job["inputs"], False)


async def test_a_job_without_a_trace_id_gets_the_same_one_however_often_it_is_sent(door: Door) -> None:
    """The trace id follows from the run, so a repeat does not start another trace."""
    del door.job["trace_id"]
    answers = [
        (await door.client.post("/v1/jobs", json=door.job, headers={"Idempotency-Key": "k"})).json() for _ in range(2)
    ]
    assert answers[0]["trace_id"] == answers[1]["trace_id"] == answers[0]["job"]["trace_id"]
    assert answers[0]["job"]["id"] == answers[1]["job"]["id"]


async def test_without_a_key_every_request_is_another_run(door: Door) -> None:
    """Nothing is deduplicated that was not asked to be."""
    ids = {(await door.client.post("/v1/jobs", json=door.job)).json()["job"]["id"] for _ in range(3)}
    assert len(ids) == 3


async def test_a_key_with_another_body_is_a_conflict_and_with_the_same_one_is_not(door: Door) -> None:
    """Trace and actor are not part of the body; inputs are."""
    headers = {"Idempotency-Key": "k-1"}
    await door.client.post("/v1/jobs", json=door.job, headers=headers)
    again = await door.client.post("/v1/jobs", json={**door.job, "trace_id": "t-2", "actor_id": "x"}, headers=headers)
    assert again.status_code == 202
    other = {**door.job, "inputs": {"contract_id": "c-18", "analysis_type": "full"}}
    refused = await door.client.post("/v1/jobs", json=other, headers=headers)
    assert refused.status_code == 409
    assert problem(refused)["code"] == "idempotency.conflict"
    assert len(door.log.records(door.jobs)) == 2
    assert (await door.client.post("/v1/jobs", json={**other, "tenant_id": "zen"}, headers=headers)).status_code == 202


@pytest.mark.parametrize("keys", [["a", "b"], [" "], [""], ["a b"], ["x" * 256], ["ä".encode()]])
async def test_an_unusable_idempotency_key_is_refused(door: Door, keys: list[str | bytes]) -> None:
    """Given twice, empty, too long or not visible ASCII: none is guessed at."""
    response = await door.client.post("/v1/jobs", json=door.job, headers=[("Idempotency-Key", key) for key in keys])
    assert problem(response)["code"] == "idempotency.key_invalid"


async def test_redis_away_blocks_no_write(door: Door) -> None:
    """Jobs and events are accepted, and Redis is left alone for a while."""
    door.redis.broken = True
    for number in range(5):
        sent = {**door.job, "trace_id": f"t-{number}"}
        response = await door.client.post("/v1/jobs", json=sent, headers={"Idempotency-Key": f"k-{number}"})
        assert response.status_code == 202
        assert (await door.client.post("/v1/events", json=door.event)).status_code == 202
    assert door.redis.trips == 1
    assert len(door.telemetry.roots) == 6


async def test_a_trace_gets_one_root_span_with_its_first_record(door: Door) -> None:
    """Event and job share the trace and so the root; another trace has its own."""
    await asyncio.gather(*(door.client.post("/v1/events", json=door.event) for _ in range(5)))
    await door.client.post("/v1/jobs", json=door.job)
    await door.client.post("/v1/jobs", json={**door.job, "trace_id": "other"})
    await until(lambda: len(door.telemetry.roots) == 2)
    assert [trace_id for trace_id, _ in door.telemetry.roots] == ["trace_1_abc", "other"]
    assert door.telemetry.roots[0][1]["jobforge.tenant_id"] == "acme"


async def test_kafka_down_is_503_with_retry_after_and_recovery_by_itself(door: Door) -> None:
    """Nothing was written, and the same request is accepted as soon as Kafka is back."""
    door.log.down = True
    for path, body in (("/v1/jobs", door.job), ("/v1/events", door.event)):
        response = await door.client.post(path, json=body)
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) > 0
        assert "outcome" not in problem(response)
    door.log.down = False
    assert (await door.client.post("/v1/jobs", json=door.job)).status_code == 202


async def test_a_missing_acknowledgement_is_503_with_an_unknown_outcome(door: Door) -> None:
    """The client is told to repeat with the same key, and folds into the same run."""
    door.log.mute = True
    refused = await door.client.post("/v1/jobs", json=door.job, headers={"Idempotency-Key": "k"})
    assert refused.status_code == 503
    assert problem(refused)["outcome"] == "unknown"
    assert refused.headers["retry-after"]
    door.log.mute = False
    again = await door.client.post("/v1/jobs", json=door.job, headers={"Idempotency-Key": "k"})
    records = [JobRequested.model_validate_json(record.value) for record in door.log.records(door.jobs)]
    assert {record.run_id for record in records} == {UUID(again.json()["job"]["id"])}


async def test_disabled_things_say_so_in_the_words_that_apps_look_for(strict_door: Door) -> None:
    """All off by default; each switch is named, and switching it on is enough."""
    post = strict_door.client.post

    async def detail_of(path: str, body: Any, status: int = 403) -> str:
        response = await post(path, json=body)
        assert response.status_code == status
        return str(problem(response)["detail"])

    disabled = "Event ingestion is disabled (JOBFORGE_EVENTS_ENABLED)"
    assert await detail_of("/v1/events", strict_door.event) == disabled
    assert await detail_of("/v1/jobs", strict_door.job) == "Template is disabled: settler.contract.process"
    strict_door.switch("JOBFORGE_EVENTS_ENABLED", True)
    strict_door.switch("settler.contract.process", True)
    assert (await post("/v1/events", json=strict_door.event)).status_code == 202
    assert (await post("/v1/jobs", json=strict_door.job)).status_code == 202

    scan = {**strict_door.job, "template_key": "autopilot.ops.scan"}
    assert "JOBFORGE_AUTOPILOT_JOBS_ENABLED" in await detail_of("/v1/jobs", scan)
    rotate = {**strict_door.job, "template_key": "keys.key.rotate"}
    strict_door.switch("keys.key.rotate", True)
    assert "JOBFORGE_ACTION_JOBS_ENABLED" in await detail_of("/v1/jobs", rotate)
    strict_door.switch("JOBFORGE_ACTION_JOBS_ENABLED", True)
    missing = await detail_of("/v1/jobs", rotate)
    assert "policy_token" in missing
    assert "keys:write" in missing
    assert "cannot" in await detail_of("/v1/jobs", {**rotate, "policy_token": "token-marker"})
    strict_door.switch("JOBFORGE_REQUIRE_POLICY_TOKENS", False)
    assert (await post("/v1/jobs", json={**rotate, "policy_token": "token-marker"})).status_code == 202
    assert all(b"token-marker" not in record.value for record in strict_door.log.records("jobforge.jobs.keys"))


async def test_an_unknown_template_is_404_and_names_the_list(door: Door) -> None:
    """A misspelt key is told from a disabled one."""
    response = await door.client.post("/v1/jobs", json={**door.job, "template_key": "settler.contract.proces"})
    assert response.status_code == 404
    assert problem(response)["code"] == "template.unknown"


@pytest.mark.parametrize("path", ["/v1/events", "/v1/jobs"])
async def test_an_unknown_app_is_refused_with_the_file_to_change(door: Door, path: str) -> None:
    """The list of apps is a file under review."""
    body = {**(door.event if path == "/v1/events" else door.job), "source_app": "stranger"}
    response = await door.client.post(path, json=body)
    assert response.status_code == 422
    assert "infra/kafka/apps.yaml" in problem(response)["detail"]


async def test_wrong_inputs_are_refused_field_by_field_without_their_values(door: Door) -> None:
    """Each problem has a pointer into the request, a code and a message."""
    inputs = {"analysis_type": "marker-value", "pages": [1, 0, "marker"], "colour": 1}
    response = await door.client.post("/v1/jobs", json={**door.job, "inputs": inputs})
    assert response.status_code == 422
    found = problem(response)
    assert {(error["pointer"], error["code"]) for error in found["errors"]} == {
        ("/inputs/contract_id", "required"),
        ("/inputs/analysis_type", "enum"),
        ("/inputs/pages/1", "minimum"),
        ("/inputs/pages/2", "type"),
        ("/inputs/colour", "additionalProperties"),
    }
    assert "marker" not in response.text
    assert found["trace_id"] == "trace_1_abc"
    assert not door.log.records(door.jobs)


async def test_a_body_over_the_limit_is_413_whether_its_length_is_told_or_not(door: Door) -> None:
    """Reading stops at the limit."""
    body = json.dumps({**door.event, "payload": {"x": "y" * 300_000}}).encode()

    async def in_pieces() -> Any:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    for content in (body, in_pieces()):
        response = await door.client.post("/v1/events", content=content)
        assert response.status_code == 413
        assert "262144" in problem(response)["detail"]


@pytest.mark.parametrize("path", ["/v1/events", "/v1/flags"])
async def test_a_flood_of_headers_is_431(door: Door, path: str) -> None:
    """Many headers and large ones, on hot routes and others."""
    for headers in ({f"x-{number}": "y" for number in range(10_000)}, {"x": "y" * 20_000}):
        response = await door.client.request("POST", path, headers=headers, json=door.event)
        assert response.status_code == 431
        assert problem(response)["code"] == "request.headers_too_large"


async def test_what_the_router_refuses_is_a_problem_document_too(door: Door) -> None:
    """404 and 405 look like every other error."""
    assert problem(await door.client.get("/v1/nothing"))["code"] == "route.not_found"
    assert problem(await door.client.get("/v1/jobs"))["code"] == "method.not_allowed"
    assert (await door.client.delete("/v1/events")).headers["allow"] == "POST"


async def test_a_defect_is_500_without_internals_and_the_door_lives_on(door: Door) -> None:
    """The caller learns nothing of the inside."""

    async def broken(headers: Any, body: bytes) -> Any:
        raise RuntimeError("marker-inside")

    whole = dict(door.app.posts)
    door.app.posts["/v1/events"] = broken
    response = await door.client.post("/v1/events", json=door.event)
    assert response.status_code == 500
    assert problem(response)["code"] == "internal"
    assert "marker" not in response.text
    door.app.posts = whole
    assert (await door.client.post("/v1/events", json=door.event)).status_code == 202


async def test_a_schema_that_cannot_be_used_is_left_to_the_worker(door: Door) -> None:
    """A template's odd schema neither refuses its requests nor breaks the door."""
    known = door.control.templates["settler.contract.process"]
    for schema in ({"type": "no such type"}, {"$ref": "#/$defs/missing"}):
        door.put(known.model_copy(update={"input_schema": schema, "version": "4"}))
        assert (await door.client.post("/v1/jobs", json=door.job)).status_code == 202
