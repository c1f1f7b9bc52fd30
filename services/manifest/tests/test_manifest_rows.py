"""What others rely on in a run's row: where its request stands, whether to cancel it, how often it began, its size."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from jobforge.contracts.identity import partition_of, run_key
from jobforge.contracts.runs import Environment, RunCancelRequested
from jobforge.contracts.topics import JOBS
from jobforge.manifest import keys
from jobforge.manifest.states import parsed_request
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.run_records import AT, after, canceled, failed, requested, retrying, snapshot, started, succeeded
from jobforge.testkit.served_view import ServedView
from jobforge.testkit.waiting import until

SUMMARY_BYTES = 2 * 1024


async def test_a_row_says_where_its_request_stands_and_a_repeat_changes_nothing(service: ServedView) -> None:
    """The first record counts: a retry brings the same bytes back to the same topic."""
    run_id, other = uuid4(), uuid4()
    for each in (other, run_id, run_id):
        await service.write("jobforge.jobs.echo", requested(each), run_key("acme", each))
    await until(has(service, run_id, keys.REQUEST), 10)
    (first,) = [r.offset for r in service.log.records("jobforge.jobs.echo") if r.key == run_key("acme", run_id)][:1]
    marker = uuid4()
    await service.write("jobforge.jobs.echo", requested(marker), run_key("acme", marker))
    await until(has(service, marker, keys.REQUEST), 10)
    request = parsed_request(await field(service, run_id, keys.REQUEST) or b"")
    assert (request.topic, request.offset) == ("jobforge.jobs.echo", first)


async def test_requests_on_a_slow_lane_are_seen_like_any_other(service: ServedView) -> None:
    """A long template's request stands on the slow topic alone: a poll right after the 202 finds it."""
    for _ in range(10):
        run_id = uuid4()
        await service.write("jobforge.jobs.echo.slow", requested(run_id), run_key("acme", run_id))
        answer = await service.http.get(f"/v1/runs/{run_id}", params={"tenant_id": "acme"})
        assert (answer.status_code, answer.json()["status"]) == (200, "queued")


async def test_a_request_that_was_moved_to_the_slow_lane_stands_there(service: ServedView) -> None:
    """Whoever looks whether it still waits must look at the record that waits; nothing else changes."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    await service.write("jobforge.jobs.echo", requested(run_id), key)
    await until(has(service, run_id, keys.REQUEST), 10)
    await service.write("jobforge.jobs.echo.slow", requested(run_id), key)

    async def has_moved() -> bool:
        request = parsed_request(await field(service, run_id, keys.REQUEST) or b"")
        return (request.topic, request.offset) == ("jobforge.jobs.echo.slow", 0)

    await until(has_moved, 10)
    listed = (await service.http.get("/v1/runs", params={"tenant_id": "acme"})).json()["runs"]
    assert [run["id"] for run in listed] == [str(run_id)]


async def test_a_wish_to_cancel_is_kept_for_a_request_still_to_come(service: ServedView) -> None:
    """Until then nobody asked for the run; afterwards it is queued and to be cancelled."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    wish = RunCancelRequested(run_id=run_id, tenant_id="acme", at=after(1))
    await service.write("jobforge.runs", wish, key)
    await until(has(service, run_id, keys.CANCEL), 10)
    url, params = f"/v1/runs/{run_id}", {"tenant_id": "acme"}
    assert (await service.http.get(url, params=params)).status_code == 404
    await service.write("jobforge.jobs.echo", requested(run_id), key)
    job = (await service.http.get(url, params=params)).json()
    assert (job["status"], job["cancel_requested"]) == ("queued", True)
    await service.write("jobforge.runs", canceled(run_id), key)

    async def ended() -> bool:
        return bool((await service.http.get(url, params=params)).json()["status"] == "canceled")

    await until(ended, 10)
    assert (await service.http.get(f"{url}/manifest", params=params)).json()["error"]["code"] == "job.canceled"


async def test_open_runs_are_indexed_until_they_end(service: ServedView) -> None:
    """From a minute after the request, or from its queue deadline; at once when somebody asks to cancel."""
    usual, hasty, cancelled, ended = (uuid4() for _ in range(4))
    for run_id in (usual, cancelled, ended):
        await service.write("jobforge.jobs.echo", requested(run_id), run_key("acme", run_id))
    hurry = requested(hasty, start_by=AT + timedelta(seconds=5))
    await service.write("jobforge.jobs.echo", hurry, run_key("acme", hasty))
    for run_id in (usual, hasty, cancelled, ended):
        await until(is_open(service, run_id), 10)
    wish = RunCancelRequested(run_id=cancelled, tenant_id="acme", at=after(1))
    await service.write("jobforge.runs", wish, run_key("acme", cancelled))
    await service.write("jobforge.runs", failed(ended), run_key("acme", ended))

    async def is_gone() -> bool:
        return await score(service, ended) is None

    async def is_due() -> bool:
        return await score(service, cancelled) == 0

    await until(is_gone, 10)
    await until(is_due, 10)
    assert await score(service, usual) == (AT + timedelta(seconds=60)).timestamp() * 1000
    assert await score(service, hasty) == (AT + timedelta(seconds=5)).timestamp() * 1000


async def test_an_attempt_that_began_twice_without_an_outcome_is_counted(service: ServedView) -> None:
    """The number of the attempt is there, so that whoever reads it knows whether it is stale."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    for claim in ("a", "b", "b", "c"):
        await service.write("jobforge.runs", started(run_id, claim=claim), key)

    async def counted() -> bool:
        return await field(service, run_id, keys.STARTS) == b"1 3"

    await until(counted, 10)
    await service.write("jobforge.runs", retrying(run_id, claim="c"), key)
    await service.write("jobforge.runs", started(run_id, attempt=2, claim="d"), key)
    job = (await service.http.get(f"/v1/runs/{run_id}", params={"tenant_id": "acme", "wait": 10})).json()
    assert job["attempt"] >= 1
    assert await field(service, run_id, keys.STARTS) == b"1 3"


async def test_a_row_whose_request_is_never_read_goes_away_too(service: ServedView) -> None:
    """Nothing in the view stays for ever."""
    run_id = uuid4()
    await service.write("jobforge.runs", started(run_id), run_key("acme", run_id))
    await until(has(service, run_id, keys.RUN), 10)
    assert await service.redis.pttl(keys.row("acme", run_id)) > 0


async def test_a_row_that_was_let_go_and_is_written_again_goes_away_again(service: ServedView) -> None:
    """The view's process may remember its request for longer than the view does."""
    run_id = uuid4()
    key, row = run_key("acme", run_id), keys.row("acme", run_id)
    await service.write(
        "jobforge.jobs.echo", requested(run_id, requested_at=datetime.now(UTC) - timedelta(days=2)), key
    )
    await until(has(service, run_id, keys.REQUEST), 10)
    await service.redis.delete(row)
    await service.write("jobforge.runs", started(run_id), key)
    await until(has(service, run_id, keys.RUN), 10)
    assert await service.redis.pttl(row) > 0


async def test_a_run_that_was_requested_a_moment_ago_is_listed_and_goes_away(service: ServedView) -> None:
    """Its request brought both, and its end, which changes when it goes, does not have to look."""
    run_id, now = uuid4(), datetime.now(UTC)
    key, row = run_key("acme", run_id), keys.row("acme", run_id)
    await service.write("jobforge.jobs.echo", requested(run_id, requested_at=now), key)
    await until(has(service, run_id, keys.REQUEST), 10)
    unfinished = await service.redis.pttl(row)
    await service.write("jobforge.runs", started(run_id), key)
    await service.write("jobforge.runs", succeeded(run_id, request=snapshot(requested_at=now)), key)
    await until(has(service, run_id, keys.MANIFEST), 10)
    assert await service.redis.zrange(keys.runs_of("acme"), 0, -1) == [keys.moment(now, run_id).encode()]
    assert 0 < await service.redis.pttl(row) < unfinished
    assert not await is_open(service, run_id)()


async def test_a_summary_of_a_finished_run_takes_at_most_2_kib(service: ServedView) -> None:
    """Everything in the row but the manifest, for an echo job as a client asks for it."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    asked: dict[str, Any] = {
        "project_id": "invoices-2026",
        "trace_id": "trace_1763938000001_k3x9q2m7a",
        "requested_by": {"actor_id": "3f0d1c9c-5e7a-4c7e-9c39-52a0a7f3c001", "source_app": "settler"},
    }
    worker = "echo@ip-10-0-113-247.eu-central-1.compute.internal:4711"
    begun = started(run_id, claim="7d1f0c9a3b5e4f60").model_copy(
        update={"worker": worker, "deadline": after(30.123456), "started_at": after(1.123456)}
    )
    end = succeeded(run_id, claim="7d1f0c9a3b5e4f60", request=snapshot(**asked)).model_copy(
        update={
            "worker": worker,
            "environment": Environment(service="echo", version="1", python="3.11.9", platform="linux", host="h" * 40),
        }
    )
    await service.write("jobforge.jobs.echo", requested(run_id, **asked), key)
    await service.write("jobforge.runs", begun, key)
    await service.write("jobforge.runs", end, key)
    await until(has(service, run_id, keys.MANIFEST), 10)
    await until(has(service, run_id, keys.REQUEST), 10)
    row: dict[bytes, bytes] = await service.redis.hgetall(keys.row("acme", run_id))  # type: ignore[assignment]  # bytes: never decoded
    size = sum(len(name) + len(value) for name, value in row.items() if name != b"manifest")
    assert size <= SUMMARY_BYTES, {name: len(value) for name, value in row.items()}


async def field(service: ServedView, run_id: UUID, name: str) -> bytes | None:
    """One field of a run's row."""
    found: bytes | None = await service.redis.hget(keys.row("acme", run_id), name)  # type: ignore[assignment]  # bytes: never decoded
    return found


def has(service: ServedView, run_id: UUID, name: str) -> Callable[[], Awaitable[bool]]:
    """Whether the row has that field by now."""

    async def found() -> bool:
        return await field(service, run_id, name) is not None

    return found


async def score(service: ServedView, run_id: UUID) -> float | None:
    """When somebody should look after the run, if it is open."""
    key = run_key("acme", run_id)
    log: MemoryLog = service.log
    index = keys.open_runs(partition_of(key, log.partitions("jobforge.runs")))
    return await service.redis.zscore(index, key)


def is_open(service: ServedView, run_id: UUID) -> Callable[[], Awaitable[bool]]:
    """Whether the run is in the index by now."""

    async def found() -> bool:
        return await score(service, run_id) is not None

    return found


def test_a_row_does_not_go_before_its_request_so_that_its_run_can_still_be_ended() -> None:
    """Kafka deletes whole segments, by their youngest record: of a week unless somebody says otherwise."""
    assert JOBS.retention is not None
    assert JOBS.retention + timedelta(days=7, hours=12) <= keys.UNFINISHED_KEPT
