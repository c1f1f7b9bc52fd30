"""The whole service over a real Valkey: what clients see while records come in, and when the view is lost."""

from uuid import uuid4

from jobforge.contracts.identity import run_key
from jobforge.testkit.run_records import progressed, requested, started, succeeded


async def test_a_poll_right_after_the_request_was_accepted_finds_the_run(service):
    """The 202 means that the record is in the log; a read straight after it never says 404."""
    for _ in range(20):
        run_id = uuid4()
        await service.write("jobforge.jobs.echo", requested(run_id), run_key("acme", run_id))
        answer = await service.http.get(f"/v1/runs/{run_id}", params={"tenant_id": "acme"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "queued"


async def test_a_run_goes_from_queued_to_its_manifest(service, until):
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
        return job["status"] == "running" and job["progress"] == {"fraction": 0.5, "message": None}

    await until(is_running)
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

    await until(is_archived)
    (snapshot,) = service.log.records("jobforge.manifests")
    assert snapshot.key == key
    assert manifest["digest"] in (snapshot.value or b"").decode()
