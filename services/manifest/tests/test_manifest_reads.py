"""What is read of finished runs: artifacts, reports, hidden manifests, the archive; and questions that are wrong."""

from uuid import uuid4

from jobforge.contracts.identity import run_key
from jobforge.manifest import keys
from jobforge.testkit.run_records import succeeded
from jobforge.testkit.served_view import ServedView
from jobforge.testkit.waiting import until


async def test_artifacts_come_with_their_digest_and_are_never_run(service: ServedView) -> None:
    """ETag is the digest, a known one is 304, and a browser is told not to guess."""
    run_id = uuid4()
    key = run_key("acme", run_id)
    written = await service.artifacts.write_artifact("acme", run_id, 1, "c1", "a.html", b"<p>hi", "text/html")
    await service.write("jobforge.runs", succeeded(run_id, artifacts=(written,)), key)
    url, params = f"/v1/runs/{run_id}/artifacts/a.html", {"tenant_id": "acme"}
    answer = await service.http.get(url, params=params)
    assert (answer.content, answer.headers["etag"]) == (b"<p>hi", f'"{written.sha256}"')
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment")
    known = await service.http.get(url, params=params, headers={"If-None-Match": answer.headers["etag"]})
    assert known.status_code == 304
    missing = await service.http.get(url.replace("a.html", "b"), params=params)
    assert missing.json()["code"] == "artifact.not_found"
    for name, kind in (("markdown", "text/markdown"), ("html", "text/html"), ("json", "application/json")):
        report = await service.http.get(f"/v1/runs/{run_id}/report", params={**params, "format": name})
        assert report.status_code == 200
        assert report.headers["content-type"].startswith(kind)


async def test_manifests_can_be_hidden_and_are_folded_all_the_same(service: ServedView) -> None:
    """The flag's words are those that apps look for; switched on again, everything is there."""
    run_id = uuid4()
    service.flags["JOBFORGE_MANIFESTS_ENABLED"] = False
    await service.write("jobforge.runs", succeeded(run_id), run_key("acme", run_id))
    url, params = f"/v1/runs/{run_id}/manifest", {"tenant_id": "acme"}
    hidden = await service.http.get(url, params=params)
    assert (hidden.status_code, hidden.json()["code"]) == (403, "feature.disabled")
    assert hidden.json()["detail"] == "Manifests are disabled (JOBFORGE_MANIFESTS_ENABLED)"
    service.flags["JOBFORGE_MANIFESTS_ENABLED"] = True
    assert (await service.http.get(url, params=params)).json()["status"] == "complete"


async def test_finished_runs_that_the_view_let_go_are_read_from_the_archive(service: ServedView) -> None:
    """A row lives seven days; the manifest and the job are then read from the artifact store."""
    run_id = uuid4()
    await service.write("jobforge.runs", succeeded(run_id), run_key("acme", run_id))

    async def archived() -> bool:
        return await service.artifacts.read_manifest("acme", run_id) is not None

    await until(archived, 10)
    params = {"tenant_id": "acme"}
    job = (await service.http.get(f"/v1/runs/{run_id}", params=params)).json()
    manifest = (await service.http.get(f"/v1/runs/{run_id}/manifest", params=params)).json()
    await service.redis.delete(keys.row("acme", run_id))
    later = (await service.http.get(f"/v1/runs/{run_id}", params=params)).json()
    assert (later["status"], later["finished_at"]) == (job["status"], job["finished_at"])
    assert (await service.http.get(f"/v1/runs/{run_id}/manifest", params=params)).json() == manifest


async def test_wrong_questions_are_problem_documents(service: ServedView) -> None:
    """Each error has a code and, for a field, a pointer to it."""
    wrong = await service.http.get(f"/v1/runs/{uuid4()}", params={"tenant_id": "../x"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/query/tenant_id")
    assert (await service.http.get("/v1/nothing")).json()["code"] == "route.not_found"
    assert (await service.http.delete("/v1/runs")).json()["code"] == "method.not_allowed"
    assert (await service.http.get("/v1/nothing")).headers["content-type"] == "application/problem+json"


async def test_ten_thousand_headers_are_refused_by_the_view_too(service: ServedView) -> None:
    """As the other door does."""
    flood = {f"x-{number}": "y" for number in range(10_000)}
    answer = await service.http.get("/v1/runs", params={"tenant_id": "acme"}, headers=flood)
    assert (answer.status_code, answer.json()["code"]) == (431, "request.headers_too_large")


async def test_an_encoded_path_is_never_answered_with_a_redirect(service: ServedView) -> None:
    """A trailing slash is another address, and a `Location` made from what the caller sent is none."""
    for path in ("/v1/runs/", "/v1/runs/%2e%2e%2f"):
        answer = await service.http.get(path, params={"tenant_id": "acme"})
        assert (answer.status_code, answer.json()["code"]) == (404, "route.not_found")
