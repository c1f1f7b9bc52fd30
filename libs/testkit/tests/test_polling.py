"""The polling client has teeth: each answer that a view must never give is called wrong."""

from typing import Any

import httpx
import pytest

from jobforge.testkit.polling import PollingClient

RUN = "00000000-0000-8000-8000-000000000001"
JOB, MANIFEST = f"/v1/runs/{RUN}", f"/v1/runs/{RUN}/manifest"
Answer = tuple[str, int, dict[str, Any]]


def job(status: str, attempt: int = 1, tenant_id: str = "acme") -> Answer:
    """An answer about the job."""
    return JOB, 200, {"id": RUN, "tenant_id": tenant_id, "status": status, "attempt": attempt}


def manifest(status: str, digest: str | None = None, run_id: str = RUN) -> Answer:
    """An answer about the manifest."""
    return MANIFEST, 200, {"run_id": run_id, "tenant_id": "acme", "status": status, "digest": digest}


def judged(*answers: Answer) -> PollingClient:
    """A client that was given these answers, in this order."""
    client = PollingClient("http://view", [RUN])
    for path, status, body in answers:
        client.judge(RUN, path, httpx.Response(status, json=body))
    return client


def test_a_run_that_goes_forward_and_503s_in_between_are_no_wrong_answers() -> None:
    """A retry shows a later attempt; the end shows its digest again and again."""
    away: Answer = (JOB, 503, {"code": "rebuilding"})
    steps = [job("queued", 0), away, job("running"), job("retrying"), job("running", 2), manifest("pending")]
    client = judged(*steps, away, job("succeeded", 2), manifest("complete", "d"), manifest("complete", "d"))
    assert (client.wrong, client.seen, client.refused, client.digests) == ([], 8, 2, {RUN: "d"})


@pytest.mark.parametrize(
    "answers",
    [
        [(JOB, 404, {"code": "run.not_found"})],
        [(MANIFEST, 500, {})],
        [job("running"), job("queued", 0)],
        [job("running", 2), job("running", 1)],
        [job("succeeded"), job("running", 2)],
        [job("succeeded"), job("failed")],
        [job("succeeded"), job("succeeded", 2)],
        [job("succeeded"), manifest("pending")],
        [manifest("complete", "d"), job("running")],
        [manifest("complete", "d"), manifest("pending")],
        [manifest("complete", "d"), manifest("complete", "e")],
        [job("running", tenant_id="other")],
        [manifest("complete", "d", run_id="another")],
    ],
)
def test_what_a_view_must_never_say_is_wrong(answers: list[Answer]) -> None:
    """The last answer is the wrong one."""
    assert judged(*answers[:-1]).wrong == []
    assert len(judged(*answers).wrong) == 1
