"""Runs that ended long ago: out of the view, read from the archive, and never given a second end."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from jobforge.chassis.artifacts import ArtifactStore, StoreUnavailable
from jobforge.contracts.identity import partition_of, run_key
from jobforge.contracts.runs import RunSucceeded
from jobforge.manifest import keys
from jobforge.testkit.run_records import requested, restored, snapshot, started, succeeded
from jobforge.testkit.served_view import EmptyLog, Serve, ServedView, ServeOver
from jobforge.testkit.waiting import until

LONG_AGO = datetime.now(UTC) - keys.FINISHED_KEPT - timedelta(hours=1)
PARAMS = {"tenant_id": "acme"}


def late(run_id: UUID) -> RunSucceeded:
    """A second end of a run that was asked for long ago, from a worker that slept."""
    return succeeded(run_id, claim="zombie", outputs={"reply": "late"}, request=snapshot(requested_at=LONG_AGO))


async def ended_and_let_go(service: ServedView, run_id: UUID, **more: Any) -> dict[str, Any]:
    """A run that was asked for long ago, ended, was archived, and left the view; returns its manifest."""
    key = run_key("acme", run_id)
    await service.write("jobforge.jobs.echo", requested(run_id, requested_at=LONG_AGO), key)
    await service.write("jobforge.runs", started(run_id), key)
    await service.write("jobforge.runs", succeeded(run_id, request=snapshot(requested_at=LONG_AGO), **more), key)

    async def archived() -> bool:
        return await service.artifacts.read_manifest("acme", run_id) is not None

    await until(archived, 10)
    manifest: dict[str, Any] = (await service.http.get(f"/v1/runs/{run_id}/manifest", params=PARAMS)).json()
    left = await service.redis.pttl(keys.row("acme", run_id))
    assert timedelta(days=6, hours=23) < timedelta(milliseconds=left) <= keys.FINISHED_KEPT
    await service.redis.pexpire(keys.row("acme", run_id), 1)

    async def gone() -> bool:
        return not await service.redis.exists(keys.row("acme", run_id))

    await until(gone, 10)
    return manifest


async def applied(service: ServedView, key: bytes) -> None:
    """Wait until the view holds everything of this run's partition."""
    number = partition_of(key, service.log.partitions("jobforge.runs"))
    ends = {
        f"{topic}/{number}": sum(record.partition == number for record in service.log.records(topic))
        for topic in ("jobforge.runs", "jobforge.jobs.echo")
    }

    async def reached() -> bool:
        held = [await service.redis.hget(keys.WATERMARKS, at) for at in ends]
        return [int(at or 0) for at in held] == list(ends.values())

    await until(reached, 10)


async def test_everything_of_a_run_is_readable_after_its_row_expired(service: ServedView) -> None:
    """Job, manifest, report, artifact and event stream, as they were."""
    run_id = uuid4()
    written = await service.artifacts.write_artifact("acme", run_id, 1, "c1", "a.txt", b"hello", "text/plain")
    manifest = await ended_and_let_go(service, run_id, artifacts=(written,))
    url = f"/v1/runs/{run_id}"
    job = (await service.http.get(url, params=PARAMS)).json()
    assert (job["status"], job["attempt"], job["progress"]["fraction"]) == ("succeeded", 1, 1.0)
    assert (await service.http.get(url, params={**PARAMS, "wait": 30})).json()["status"] == "succeeded"
    assert (await service.http.get(f"{url}/manifest", params=PARAMS)).json() == manifest
    assert "hello" in (await service.http.get(f"{url}/report", params=PARAMS)).text
    assert (await service.http.get(f"{url}/artifacts/a.txt", params=PARAMS)).content == b"hello"
    for resumed in ({}, {"Last-Event-ID": "0"}):
        stream = await service.http.get(f"{url}/events", params=PARAMS, headers=resumed)
        assert stream.text.count("event: job") == 1
        assert '"status":"succeeded"' in stream.text


@pytest.mark.parametrize("restarted", [True, False])
async def test_a_late_second_end_changes_nothing(serve: Serve, restarted: bool) -> None:
    """A row that is gone, remembered or not, gets no second end: manifest, snapshot and archive stay the first one."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    async with AsyncExitStack() as stack:
        if restarted:
            async with serve() as first:
                manifest = await ended_and_let_go(first, run_id)
            service = await stack.enter_async_context(serve())
        else:
            service = await stack.enter_async_context(serve())
            manifest = await ended_and_let_go(service, run_id)
        for record in (requested(run_id, requested_at=LONG_AGO), requested(run_id, requested_at=LONG_AGO)):
            await service.write("jobforge.jobs.echo", record, key)
        await service.write("jobforge.runs", started(run_id, claim="zombie"), key)
        await service.write("jobforge.runs", late(run_id), key)
        await service.write("jobforge.runs", late(run_id), key)
        await applied(service, key)
        again = (await service.http.get(f"/v1/runs/{run_id}/manifest", params=PARAMS)).json()
        assert {**again, "duplicates": 0} == {**manifest, "duplicates": 0}
        assert (await service.http.get(f"/v1/runs/{run_id}", params=PARAMS)).json()["status"] == "succeeded"
        digests = {manifest["digest"] in (r.value or b"").decode() for r in service.log.records("jobforge.manifests")}
        assert digests == {True}


async def test_a_late_second_end_that_comes_after_its_start_was_shown_changes_nothing(serve: Serve) -> None:
    """The row that a late start made is no reason not to ask the archive."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    async with serve() as service:
        manifest = await ended_and_let_go(service, run_id)
    async with serve() as service:
        for record in (started(run_id, claim="zombie"), late(run_id)):
            await service.write("jobforge.runs", record, key)
            await applied(service, key)
        again = (await service.http.get(f"/v1/runs/{run_id}/manifest", params=PARAMS)).json()
        assert {**again, "duplicates": 0} == {**manifest, "duplicates": 0}


async def test_a_late_repeat_of_the_request_does_not_queue_the_run_again(service: ServedView) -> None:
    """A terminal run is never reopened, not even out of the archive."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    await ended_and_let_go(service, run_id)
    await service.write("jobforge.jobs.echo", requested(run_id, requested_at=LONG_AGO), key)
    await applied(service, key)
    assert (await service.http.get(f"/v1/runs/{run_id}", params=PARAMS)).json()["status"] == "succeeded"


async def test_a_restored_run_is_in_the_view_again_with_its_digest(serve: Serve) -> None:
    """A worker that met it publishes its manifest again: the view holds it, and a second end counts as a duplicate."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    async with serve() as service:
        manifest = await ended_and_let_go(service, run_id)
    async with serve() as service:
        archived = await service.artifacts.read_manifest("acme", run_id)
        await service.write("jobforge.runs", restored(archived or b""), key)
        await service.write("jobforge.runs", late(run_id), key)
        await applied(service, key)
        assert await service.redis.exists(keys.row("acme", run_id))
        again = (await service.http.get(f"/v1/runs/{run_id}/manifest", params=PARAMS)).json()
        assert again == {**manifest, "duplicates": 1}


async def test_bytes_that_restore_nothing_are_rejected(service: ServedView) -> None:
    """A manifest that its digest does not fit is no end of anything."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    await ended_and_let_go(service, run_id)
    archived = restored(await service.artifacts.read_manifest("acme", run_id) or b"")
    forged = archived.model_copy(update={"manifest": {**archived.manifest, "outputs": {"reply": "forged"}}})
    await service.write("jobforge.runs", forged, key)

    async def rejected() -> bool:
        return [record.header("jobforge-reason") for record in service.log.records("jobforge.rejected")] == [
            "record.invalid"
        ]

    await until(rejected, 10)


class AwayNow(ArtifactStore):
    """A store that cannot be read while ``away``."""

    away = False

    async def read_manifest(self, tenant_id: str, run_id: UUID | str) -> bytes | None:
        """See ``ArtifactStore.read_manifest``."""
        if self.away:
            raise StoreUnavailable("gone for a moment")
        return await super().read_manifest(tenant_id, run_id)


async def test_a_late_end_waits_for_an_archive_that_is_away(
    serving_service: ServeOver, empty_log: EmptyLog, redis: Redis, tmp_path: Path
) -> None:
    """Without the archive nobody knows whether the run ended before: the view waits instead of guessing."""
    store, log = AwayNow(f"file://{tmp_path}"), empty_log()
    run_id = uuid4()
    key = run_key("acme", run_id)
    async with serving_service(log, redis, store) as service:
        manifest = await ended_and_let_go(service, run_id)
    async with serving_service(log, redis, store) as service:
        store.away = True
        await service.write("jobforge.runs", late(run_id), key)
        answer = await service.http.get(f"/v1/runs/{run_id}", params=PARAMS)
        assert answer.status_code == 503
        store.away = False
        await applied(service, key)
        again = (await service.http.get(f"/v1/runs/{run_id}/manifest", params=PARAMS)).json()
        assert again["digest"] == manifest["digest"]
