"""The whole service over a real Valkey: what clients see while records come in, and when the view is lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

from jobforge.contracts.identity import run_key
from jobforge.manifest import keys
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.run_records import after, event, progressed, requested, started, succeeded
from jobforge.testkit.served_view import Serve, ServedView
from jobforge.testkit.waiting import until


async def test_a_poll_right_after_the_request_was_accepted_finds_the_run(service: ServedView) -> None:
    """The 202 means that the record is in the log; a read straight after it never says 404."""
    for _ in range(20):
        run_id = uuid4()
        await service.write("jobforge.jobs.echo", requested(run_id), run_key("acme", run_id))
        answer = await service.http.get(f"/v1/runs/{run_id}", params={"tenant_id": "acme"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "queued"


async def test_a_run_goes_from_queued_to_its_manifest(service: ServedView) -> None:
    """Each record shows in the job, and the terminal one in the manifest, the snapshot and the archive."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    params = {"tenant_id": "acme"}
    await service.write("jobforge.jobs.echo", requested(run_id), key)
    pending = (await service.http.get(f"/v1/runs/{run_id}/manifest", params=params)).json()
    assert (pending["status"], pending["digest"]) == ("pending", None)
    await service.write("jobforge.runs", started(run_id), key)
    await service.write("jobforge.runs", progressed(run_id, 0.5), key)

    async def is_running() -> bool:
        job = (await service.http.get(f"/v1/runs/{run_id}", params=params)).json()
        return bool(job["status"] == "running" and job["progress"] == {"fraction": 0.5, "message": None})

    await until(is_running, 10)
    await service.write("jobforge.runs", succeeded(run_id), key)
    job = (await service.http.get(f"/v1/runs/{run_id}", params={**params, "wait": 10})).json()
    assert (job["status"], job["attempt"], job["max_attempts"]) == ("succeeded", 1, 3)
    manifest = (await service.http.get(f"/v1/runs/{run_id}/manifest", params=params)).json()
    assert manifest["status"] == "complete"
    assert manifest["outputs"] == {"reply": "hello"}
    assert manifest["timings"]["queued_for"] == 1.0
    assert manifest["trace"]["url"].startswith("http://jaeger.example/trace/")

    async def is_archived() -> bool:
        return await service.artifacts.read_manifest("acme", run_id) is not None

    await until(is_archived, 10)
    (snapshot,) = service.log.records("jobforge.manifests")
    assert snapshot.key == key
    assert manifest["digest"] in (snapshot.value or b"").decode()


async def test_an_unknown_and_a_foreign_run_are_the_same_answer(service: ServedView) -> None:
    """Nothing in the bytes tells whether the run exists for somebody else."""
    run_id = uuid4()
    await service.write("jobforge.jobs.echo", requested(run_id), run_key("acme", run_id))
    foreign = await service.http.get(f"/v1/runs/{run_id}", params={"tenant_id": "other"})
    unknown = await service.http.get(f"/v1/runs/{uuid4()}", params={"tenant_id": "other"})
    absurd = await service.http.get("/v1/runs/..%2f..%2fetc", params={"tenant_id": "other"})
    assert (foreign.status_code, foreign.json()["code"]) == (404, "run.not_found")
    assert foreign.content == unknown.content
    assert absurd.status_code == 404
    assert dict(foreign.headers) == dict(unknown.headers)


async def test_a_flush_never_shows_an_older_state(service: ServedView) -> None:
    """After FLUSHALL reads say rebuilding or what they said before, idle as well, and then the same manifest."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    await service.write("jobforge.jobs.echo", requested(run_id), key)
    await service.write("jobforge.runs", started(run_id), key)
    await service.write("jobforge.runs", succeeded(run_id), key)
    url, params = f"/v1/runs/{run_id}/manifest", {"tenant_id": "acme"}

    async def ended() -> bool:
        return bool((await service.http.get(url, params=params)).json()["status"] == "complete")

    await until(ended, 10)
    before = await service.http.get(url, params=params)
    for _ in range(3):
        await service.redis.flushall()
        for address in (f"/v1/runs/{run_id}", url):  # the job is read, the manifest may be remembered
            answers = [await service.http.get(address, params=params)]
            while answers[-1].status_code == 503:
                assert answers[-1].headers["Retry-After"]
                answers.append(await service.http.get(address, params=params))
            assert answers[-1].json()["status"] in ("succeeded", "complete")
        assert answers[-1].content == before.content
    await until(lambda: bool(service.log.records("jobforge.manifests")), 10)
    assert len(service.log.records("jobforge.manifests")) == 1


async def test_another_body_under_a_key_is_rejected_once(service: ServedView) -> None:
    """The first request counts; the other one is set aside with its bytes, and not again after a flush."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    await service.write("jobforge.jobs.echo", requested(run_id), key)
    await service.write("jobforge.jobs.echo", requested(run_id), key)
    other = requested(run_id, inputs={"message": "other"})
    await service.write("jobforge.jobs.echo", other, key)

    async def rejected() -> bool:
        return len(service.log.records("jobforge.rejected")) == 1

    await until(rejected, 10)
    (record,) = service.log.records("jobforge.rejected")
    assert record.header("jobforge-reason") == "idempotency.conflict"
    assert record.value == other.to_bytes()
    await service.redis.flushall()
    await service.http.get(f"/v1/runs/{run_id}", params={"tenant_id": "acme"})
    marker = uuid4()
    await service.write("jobforge.jobs.echo", requested(marker), run_key("acme", marker))

    async def back() -> bool:
        return (await service.http.get(f"/v1/runs/{marker}", params={"tenant_id": "acme"})).status_code == 200

    await until(back, 10)
    assert await rejected()


async def test_bytes_that_are_no_record_are_rejected_and_the_partition_moves_on(service: ServedView) -> None:
    """The bytes go to jobforge.rejected untouched; what comes after them is folded."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    await service.log.publisher().publish("jobforge.runs", key=key, value=b"\xff{", partition=None)
    await service.write("jobforge.jobs.echo", requested(run_id), key)
    await service.write("jobforge.runs", succeeded(run_id), key)

    async def ended() -> bool:
        answer = await service.http.get(f"/v1/runs/{run_id}", params={"tenant_id": "acme"})
        return bool(answer.json()["status"] == "succeeded")

    await until(ended, 10)
    (record,) = service.log.records("jobforge.rejected")
    assert (record.value, record.header("jobforge-reason")) == (b"\xff{", "record.malformed")


async def test_a_restart_sends_what_was_not_committed_and_applies_nothing_twice(serve: Serve, log: MemoryLog) -> None:
    """With the group's commit gone, snapshots are sent again with the same bytes; the view stays as it was."""
    run_id = uuid4()
    key = run_key("acme", run_id)

    async def sent(count: int) -> None:
        async def enough() -> bool:
            return len(log.records("jobforge.manifests")) == count

        await until(enough, 10)

    async with serve() as first:
        await first.write("jobforge.jobs.echo", requested(run_id), key)
        await first.write("jobforge.runs", succeeded(run_id), key)
        await first.write("jobforge.runs", succeeded(run_id), key)
        await sent(1)
        manifest = await first.http.get(f"/v1/runs/{run_id}/manifest", params={"tenant_id": "acme"})
        assert manifest.json()["duplicates"] == 1
    log.reset("manifest")
    async with serve() as second:
        await sent(2)
        again = await second.http.get(f"/v1/runs/{run_id}/manifest", params={"tenant_id": "acme"})
        assert again.content == manifest.content
    one, two = log.records("jobforge.manifests")
    assert one.value == two.value


async def test_the_event_stream_shows_each_state_and_ends(service: ServedView) -> None:
    """Even when the whole run is folded in one batch, every status is sent, in order; the id resumes."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    await service.write("jobforge.jobs.echo", requested(run_id), key)
    for record in (started(run_id), progressed(run_id, 0.5), succeeded(run_id)):
        await service.write("jobforge.runs", record, key)
    url, params = f"/v1/runs/{run_id}/events", {"tenant_id": "acme"}
    lines = [line async for line in _lines(service, url, params)]
    assert [line["status"] for line in lines] == ["queued", "running", "succeeded"]
    resumed = [line async for line in _lines(service, url, params, {"Last-Event-ID": "0"})]
    assert [line["status"] for line in resumed] in (["succeeded"], ["running", "succeeded"])


async def _lines(
    service: ServedView, url: str, params: dict[str, str], headers: dict[str, str] | None = None
) -> AsyncIterator[dict[str, Any]]:
    async with service.http.stream("GET", url, params=params, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


async def test_a_long_poll_answers_on_the_next_change_even_after_a_flush(service: ServedView) -> None:
    """The waiter is woken by the announcement, and a rebuild in between does not lose it."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    await service.write("jobforge.jobs.echo", requested(run_id), key)
    params = {"tenant_id": "acme"}
    assert (await service.http.get(f"/v1/runs/{run_id}", params=params)).status_code == 200

    waiting = asyncio.ensure_future(service.http.get(f"/v1/runs/{run_id}", params={**params, "wait": 30}))
    await service.http.get(f"/v1/runs/{run_id}", params=params)  # once this is answered, the other one waits
    await service.redis.flushall()
    await service.write("jobforge.runs", started(run_id), key)
    async with asyncio.timeout(10):
        assert (await waiting).json()["status"] == "running"


async def test_a_request_read_after_a_takeover_does_not_hide_that_its_run_has_ended(serve: Serve) -> None:
    """The process before had applied the run's end and not yet its request, which is in another topic."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    params: dict[str, str | int] = {"tenant_id": "acme", "wait": 30}
    async with serve() as before:
        await before.write("jobforge.runs", succeeded(run_id), key)
        async with asyncio.timeout(10):
            assert (await before.http.get(f"/v1/runs/{run_id}", params=params)).json()["status"] == "succeeded"
    async with serve() as after_it:
        await after_it.write("jobforge.jobs.echo", requested(run_id), key)
        await until(lambda: after_it.redis.hexists(keys.row("acme", run_id), "request"), 10)
        async with asyncio.timeout(10):
            assert (await after_it.http.get(f"/v1/runs/{run_id}", params=params)).json()["status"] == "succeeded"


async def test_lists_filter_and_page_newest_first(service: ServedView) -> None:
    """Every run once, newest first, across pages; filters narrow."""
    for number in range(7):
        run_id = uuid4()
        request = requested(run_id, requested_at=after(number), trace_id=f"t{number % 2}")
        await service.write("jobforge.jobs.echo", request, run_key("acme", run_id))
    params: dict[str, str | int] = {"tenant_id": "acme", "limit": 3}

    async def all_there() -> bool:
        answer = (await service.http.get("/v1/runs", params={"tenant_id": "acme"})).json()
        return len(answer["runs"]) == 7

    await until(all_there, 10)
    found, cursor = [], None
    while True:
        page = (await service.http.get("/v1/runs", params={**params, **({"cursor": cursor} if cursor else {})})).json()
        found += [run["created_at"] for run in page["runs"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == sorted(found, reverse=True)
    assert len(found) == 7
    one = (
        await service.http.get("/v1/runs", params={"tenant_id": "acme", "trace_id": "t1", "status": "queued"})
    ).json()
    assert len(one["runs"]) == 3
    assert (await service.http.get("/v1/runs", params={"tenant_id": "acme", "cursor": "x"})).status_code == 422
    assert (await service.http.get("/v1/runs", params={"tenant_id": "other"})).json()["runs"] == []


async def test_events_are_listed_once_and_share_their_trace_with_runs(service: ServedView) -> None:
    """A repeat of an event is the same event; a trace shows events and runs in time order."""
    run_id = uuid4()
    sent = event(received_at=after(-1))
    for one in (sent, sent, event(event_type="growth.content.requested", trace_id="other")):
        await service.write("jobforge.events.settler", one, b"settler:acme:x")
    await service.write("jobforge.jobs.echo", requested(run_id), run_key("acme", run_id))
    params = {"tenant_id": "acme"}

    async def both() -> bool:
        return len((await service.http.get("/v1/events", params=params)).json()["events"]) == 2

    await until(both, 10)
    wanted = {**params, "event_type": "settler.contract.uploaded"}
    (only,) = (await service.http.get("/v1/events", params=wanted)).json()["events"]
    assert only["event_id"] == str(sent.event_id)
    trace = (await service.http.get("/v1/traces/trace_1_abc", params=params)).json()
    assert [entry["kind"] for entry in trace["entries"]] == ["event", "run"]
    assert trace["url"].endswith(trace["otel_trace_id"])
