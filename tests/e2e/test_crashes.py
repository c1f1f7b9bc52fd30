"""What a crash may cost: time, never a run."""

import asyncio
from uuid import UUID

from jobforge.contracts.jobs import Job
from jobforge.testkit.running import Running, Start
from jobforge.testkit.terminal_records import terminal_records
from jobforge.testkit.waiting import until

JOBS = 200
CONTRACT = """DISTRIBUTION AGREEMENT

This Distribution Agreement is made on March 3, 2021 by and between Northwind Trading, Inc. ("Supplier") and
Fabrikam Retail LLC ("Distributor"). This Agreement is governed by the laws of the State of New York.
"""


async def test_kill_9_of_a_worker_in_the_middle_of_200_jobs_loses_none_and_shows_each_once(running: Start) -> None:
    """Accepted before, during and after the crash: 200 manifests, one terminal state each."""
    async with running("ingestion", "manifest", "settler", "scheduler") as plane:
        await plane.client.put_object("contract", "c-1", CONTRACT.encode(), tenant_id="acme", content_type="text/plain")

        async def ask(number: int) -> UUID:
            accepted = await plane.client.request_job(
                tenant_id="acme",
                template_key="settler.contract.process",
                inputs={"contract_id": "c-1", "analysis_type": "summary"},
                idempotency_key=f"crash-{number}",
            )
            return UUID(str(accepted.job.id))

        first = [await ask(number) for number in range(JOBS // 2)]
        await finished(plane, first, at_least=5)
        plane.services["settler"].kill()
        second = await asyncio.gather(*(ask(number) for number in range(JOBS // 2, JOBS)))
        unfinished = [job for job in await states(plane, [*first, *second]) if not job.is_terminal]
        assert unfinished, "the crash came too late to prove anything"
        await plane.services.start("settler")

        ids = [*first, *second]
        jobs = await asyncio.gather(*(plane.client.wait(str(run_id), "acme", timeout=120) for run_id in ids))
        assert {job.status for job in jobs} == {"succeeded"}
        manifests = [await plane.client.get_run_manifest(run_id=str(run_id), tenant_id="acme") for run_id in ids]
        assert {manifest.run_id for manifest in manifests if manifest is not None} == set(ids)
        assert {manifest.status for manifest in manifests if manifest is not None} == {"complete"}

        listed, cursor = set(), None
        while True:
            page = await plane.client.list_runs(tenant_id="acme", limit=100, cursor=cursor)
            listed |= {UUID(str(job.id)) for job in page.runs}
            cursor = page.next_cursor
            if cursor is None:
                break
        assert listed == set(ids)
        ends = await terminal_records(plane.plane.kafka_bootstrap)
        assert set(ends) == set(ids)


async def test_a_stopping_worker_ends_within_its_grace_period_and_loses_nothing(running: Start) -> None:
    """SIGTERM with jobs that run and jobs that wait: the process ends in time, the next one ends every run."""
    async with running("ingestion", "manifest", "echo", "scheduler") as plane:
        ids = []
        for number in range(80):
            accepted = await plane.client.request_job(
                tenant_id="acme", template_key="echo.message.reply", inputs={"message": str(number), "sleep": 2}
            )
            ids.append(str(accepted.job.id))
        plane.services["echo"].terminate()
        assert await plane.services["echo"].ended(timeout=30) < 25
        await plane.services.start("echo")
        jobs = await asyncio.gather(*(plane.client.wait(run_id, "acme", timeout=60) for run_id in ids))
        assert {job.status for job in jobs} == {"succeeded"}
        assert "Traceback" not in await asyncio.to_thread((plane.logs / "echo.log").read_text)


async def states(plane: Running, ids: list[UUID]) -> list[Job]:
    """The jobs as they are now."""
    found = [await plane.client.get_job(str(run_id), "acme") for run_id in ids]
    assert None not in found, "an accepted run was not found"
    return [job for job in found if job is not None]


async def finished(plane: Running, ids: list[UUID], *, at_least: int) -> None:
    """Wait until some of the runs are finished."""

    async def enough() -> bool:
        return sum(job.is_terminal for job in await states(plane, ids)) >= at_least

    await until(enough, timeout=60)
