"""What happens after an event, on real Kafka: one event makes one run, whatever is repeated or killed."""

from pathlib import Path
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError

from jobforge.client import AsyncJobForgeClient
from jobforge.contracts.identity import run_id_for_key
from jobforge.contracts.inbox import InboxJob
from jobforge.contracts.jobs import JobRequested
from jobforge.testkit.waiting import until
from jobforge.testkit.workers import Workers

DECLARED = """
triggers:
  - name: say-it-again
    event_type: settler.*.uploaded
    condition: payload.message
    template: echo.message.reply
    inputs: {message: $.payload.message}
"""
INBOX, JOBS, EVENTS = "jobforge.inbox.jobforge", "jobforge.jobs.echo", "jobforge.events.settler"


async def test_an_event_delivered_twice_around_a_killed_scheduler_makes_one_run(
    workers: Workers, tmp_path: Path
) -> None:
    """Sent twice, and read from the start again by a new process: one run, in the event's trace."""
    file = tmp_path / "triggers.yaml"
    file.write_text(DECLARED)
    await workers.services.start("ingestion", "manifest", "echo")
    await workers.services.start("scheduler", JOBFORGE_TRIGGERS_FILE=str(file))
    url, query_url = workers.services["ingestion"].url, workers.services["manifest"].url
    event_id = uuid4()
    async with AsyncJobForgeClient(url=url, query_url=query_url) as client:

        async def send() -> None:
            await client.submit_event(
                tenant_id="acme",
                project_id="p1",
                event_type="settler.contract.uploaded",
                event_id=event_id,
                trace_id="trace_1_abc",
                source_app="settler",
                payload={"message": "hello"},
            )

        await send()
        run_id = run_id_for_key("acme", "echo.message.reply", f"trigger:say-it-again:{event_id}")
        await workers.ended([run_id])
        job = await client.wait(run_id, "acme", timeout=30)
        assert (job.status, job.trace_id, job.project_id) == ("succeeded", "trace_1_abc", "p1")
        assert job.requested_by.actor_id == "trigger:say-it-again"

        workers.services["scheduler"].kill()
        await send()
        await read_again(workers)
        await workers.services.start("scheduler", JOBFORGE_TRIGGERS_FILE=str(file))
        await until(lambda: requested(workers, 3), timeout=40, every=0.2)
        await until(lambda: accepted(workers, 3), timeout=40, every=0.2)
        assert [run.id for run in (await client.list_runs(tenant_id="acme")).runs] == [run_id]
    jobs = [JobRequested.model_validate_json(record.value or b"") for record in await workers.read(JOBS)]
    assert {job.run_id for job in jobs} == {run_id}
    assert (await workers.ended([run_id]))[run_id] == 1
    assert "Traceback" not in workers.log("scheduler")


async def requested(workers: Workers, count: int) -> bool:
    """Whether the scheduler has published so many requests."""
    records = await workers.read(INBOX)
    assert all(InboxJob.model_validate_json(record.value or b"").kind == "job" for record in records)
    return len(records) == count


async def accepted(workers: Workers, count: int) -> bool:
    """Whether so many requests stand on the jobs topic."""
    return len(await workers.read(JOBS)) == count


async def read_again(workers: Workers) -> None:
    """The triggers' group is put back to the start of its topics, once it has noticed that its member is gone."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=workers.plane.kafka_bootstrap, group_id="scheduler-triggers", enable_auto_commit=False
    )
    await consumer.start()
    at = [TopicPartition(EVENTS, number) for number in range(workers.plane.partitions)]
    consumer.assign(at)

    async def put_back() -> bool:
        try:
            await consumer.commit(dict.fromkeys(at, 0))
        except CommitFailedError:
            return False
        return True

    try:
        await until(put_back, timeout=60, every=0.5)
    finally:
        await consumer.stop()
