"""The operators' commands on dead letters, on real Kafka."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiokafka import ConsumerRecord
from typer.testing import CliRunner

from jobforge.cli.app import app
from jobforge.contracts.dead_letter import dead_letter_headers
from jobforge.contracts.identity import run_key
from jobforge.contracts.jobs import JobRequested
from jobforge.testkit.backends import Plane
from jobforge.testkit.builders import job_requested
from jobforge.testkit.workers import Workers

DEAD, INBOX, JOBS = "jobforge.dlq.echo", "jobforge.inbox.jobforge", "jobforge.jobs.echo"


@pytest.fixture
def kafka(clean_plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBFORGE_KAFKA_BOOTSTRAP", clean_plane.kafka_bootstrap)
    monkeypatch.setenv("COLUMNS", "300")


async def run(*arguments: str, code: int = 0) -> str:
    """A command's standard output; it must end with ``code``."""
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert result.exit_code == code, result.output
    return str(result.stdout)


async def printed(*arguments: str, code: int = 0) -> Any:
    return json.loads(await run(*arguments, "--json", code=code))


async def bury(workers: Workers, key: bytes | None, value: bytes, *, reason: str, cause: str | None = None) -> str:
    """Put a record on the dead-letter topic as a worker does; where it stands, as the commands take it."""
    headers = dead_letter_headers(
        (("mine", b"\xff"),),
        reason=reason,
        detail="as told",
        topic=JOBS,
        partition=0,
        offset=0,
        timestamp=1,
        dead_at="2026-11-25T00:00:00Z",
        cause=cause,
    )
    at = await workers.kafka.publisher.publish(DEAD, key=key, value=value, headers=headers)
    return f"{at.topic}:{at.partition}:{at.offset}"


async def bury_request(workers: Workers, request: JobRequested, **more: str) -> str:
    """A request whose attempts are spent."""
    key = run_key(request.tenant_id, request.run_id)
    return await bury(workers, key, request.to_bytes(), **{"reason": "job.attempts_exhausted", **more})


async def until_committed(workers: Workers, count: int) -> list[ConsumerRecord[bytes, bytes]]:
    """Wait until that many replays became requests; every record of the jobs topic."""
    async with asyncio.timeout(30):
        while len(found := await workers.read(JOBS)) < count:  # noqa: ASYNC110 - the topic is what is looked at
            await asyncio.sleep(0.1)
    return found


async def test_replaying_a_dead_letter_twice_makes_one_new_run(workers: Workers, kafka: None) -> None:
    """The new run says whose replay it is, and where the chain began; the old one stays as it ended."""
    await workers.services.start("ingestion", "echo")
    root = job_requested({"message": "first"})
    request = job_requested({"message": "again"}, replay_of=root.run_id, root_run_id=root.run_id)
    position = await bury_request(workers, request, cause="echo.later")
    again = await bury_request(workers, request, cause="echo.later")  # set aside twice by a crash
    other = await bury_request(workers, job_requested(template_key="echo.other.thing"))

    planned = await printed("dlq", "replay", "--cause", "echo.later", "--dry-run")
    assert [plan["refusal"] for plan in planned["replays"]] == [None, f"the same request as {DEAD}/0@0"]
    assert await workers.read(INBOX) == []

    for chosen in (["--cause", "echo.later"], [again], [position, "--rate", "100"]):
        done = await printed("dlq", "replay", *chosen)
        assert done["replays"][0]["run_id"] == planned["replays"][0]["run_id"]
    made = UUID(planned["replays"][0]["run_id"])
    assert [json.loads(record.value)["idempotency_key"] for record in await workers.read(INBOX)] == [
        f"replay:{DEAD}:0:0"
    ] * 3
    requests = [JobRequested.model_validate_json(record.value) for record in await until_committed(workers, 3)]
    assert {(found.run_id, found.replay_of, found.root_run_id) for found in requests} == {
        (made, request.run_id, root.run_id)
    }
    await workers.ended([made])
    assert {outcome.run_id for outcome in await workers.outcomes()} == {made}
    assert other not in await run("dlq", "replay", "--cause", "echo.later", "--dry-run")


async def test_dead_letters_are_listed_by_cause_and_shown_with_everything_they_hold(
    workers: Workers, kafka: None
) -> None:
    """What is no text is shown in hex; a position that is not there is said to be so."""
    for number in range(3):
        await bury_request(workers, job_requested({"n": number}, tenant_id="acme"), cause="echo.later")
    await bury(workers, None, b"\x80\x81\x00", reason="record.malformed")

    groups = await printed("dlq", "list")
    assert [(group["reason"], group["cause"], group["template_key"], group["count"]) for group in groups] == [
        ("job.attempts_exhausted", "echo.later", "echo.message.reply", 3),
        ("record.malformed", None, "?", 1),
    ]
    assert await printed("dlq", "list", "--since", "2999-01-01") == []
    assert [group["count"] for group in await printed("dlq", "list", "--tenant", "acme")] == [3]
    assert "record.malformed" in await run("dlq", "list")
    letter = await printed("dlq", "show", f"{DEAD}:0:3")
    assert (letter["value"], letter["headers"][0]) == ({"hex": "808100"}, {"name": "mine", "hex": "ff"})
    assert "80 81 00" in await run("dlq", "show", f"{DEAD}:0:3")
    assert '"n": 1' in await run("dlq", "show", f"{DEAD}:0:1")
    await run("dlq", "show", f"{DEAD}:0:99", code=2)


async def test_what_cannot_be_replayed_is_listed_with_the_reason(workers: Workers, kafka: None) -> None:
    """Nothing is dropped silently, and the rest is replayed."""
    bad = await bury(workers, b"k", b"{", reason="record.malformed")
    good = await bury_request(workers, job_requested())
    done = {plan["position"]: plan for plan in (await printed("dlq", "replay", "--all"))["replays"]}
    assert done[bad]["refusal"].startswith("record.malformed")
    assert done[good]["refusal"] is None
    assert len(await workers.read(INBOX)) == 1
    await run("dlq", "replay", bad, code=1)
    await run("dlq", "replay", code=2)


async def test_without_kafka_the_variable_to_set_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit code 3, one clear line."""
    monkeypatch.setenv("JOBFORGE_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    for arguments in (["ledger"], ["dlq", "list"], ["dlq", "replay", "--all"], ["dlq", "show", f"{DEAD}:0:0"]):
        result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
        assert result.exit_code == 3
        assert "Kafka does not answer at 127.0.0.1:1 (JOBFORGE_KAFKA_BOOTSTRAP)" in result.stderr
        assert "Traceback" not in result.output
