"""A snapshot is owed from the moment its end is in the view until the log acknowledged it, whatever dies in between."""

from uuid import uuid4

from jobforge.chassis.wire import Partition
from jobforge.contracts.identity import partition_of, run_key
from jobforge.manifest.feed import GROUP
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.run_records import requested, succeeded
from jobforge.testkit.served_view import Serve, ServedView
from jobforge.testkit.waiting import until


async def shows_the_end(service: ServedView, run_id: object) -> None:
    """Wait until the view holds the run's manifest."""

    async def ended() -> bool:
        answer = await service.http.get(f"/v1/runs/{run_id}/manifest", params={"tenant_id": "acme"})
        return bool(answer.status_code == 200 and answer.json()["status"] == "complete")

    await until(ended, 10)


async def test_what_was_applied_and_not_published_is_published_after_a_crash(serve: Serve, log: MemoryLog) -> None:
    """The log takes nothing when the run ends, and the service dies: its successor sends the snapshot of the row."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    at = Partition("jobforge.runs", partition_of(key, log.partitions("jobforge.runs")))
    async with serve() as first:
        await first.write("jobforge.jobs.echo", requested(run_id), key)
        await first.write("jobforge.runs", succeeded(run_id), key)
        log.down = True
        await shows_the_end(first, run_id)
    assert log.records("jobforge.manifests") == []
    assert not log.committed(GROUP, at)
    log.down = False
    async with serve() as second:
        await until(lambda: bool(log.records("jobforge.manifests")), 10)
        await until(lambda: log.committed(GROUP, at) == 1, 10)
        manifest = await second.http.get(f"/v1/runs/{run_id}/manifest", params={"tenant_id": "acme"})
    (snapshot,) = log.records("jobforge.manifests")
    assert manifest.json()["digest"] in (snapshot.value or b"").decode()


async def test_a_snapshot_without_an_answer_is_sent_until_it_has_one(service: ServedView) -> None:
    """It may be on the topic twice, with the same bytes; the commit comes after the acknowledgement, never before."""
    log, run_id = service.log, uuid4()
    key = run_key("acme", run_id)
    at = Partition("jobforge.runs", partition_of(key, log.partitions("jobforge.runs")))
    await service.write("jobforge.jobs.echo", requested(run_id), key)
    await service.write("jobforge.runs", succeeded(run_id), key)
    log.mute = True
    await until(lambda: bool(log.records("jobforge.manifests")), 10)
    assert not log.committed(GROUP, at)
    log.mute = False
    await until(lambda: log.committed(GROUP, at) == 1, 10)
    assert len({record.value for record in log.records("jobforge.manifests")}) == 1


async def test_a_service_that_stops_publishes_first_what_it_was_about_to(serve: Serve, log: MemoryLog) -> None:
    """Snapshots leave together, a moment after their ends were told: a stop in that moment loses none."""
    ended = [uuid4() for _ in range(5)]
    async with serve() as service:
        for run_id in ended:
            key = run_key("acme", run_id)
            await service.write("jobforge.jobs.echo", requested(run_id), key)
            await service.write("jobforge.runs", succeeded(run_id), key)
        await shows_the_end(service, ended[-1])
    assert {record.key for record in log.records("jobforge.manifests")} >= {run_key("acme", ended[-1])}
    for run_id in ended:
        at = Partition("jobforge.runs", partition_of(run_key("acme", run_id), log.partitions("jobforge.runs")))
        assert log.committed(GROUP, at)
