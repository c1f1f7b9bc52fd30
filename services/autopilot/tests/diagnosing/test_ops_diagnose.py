"""A run is explained from what the plane's doors tell of it, over HTTP."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from jobforge.autopilot.diagnosing import failures
from jobforge.autopilot.diagnosing.case import SCAN
from jobforge.autopilot.diagnosing.runs import Runs
from jobforge.autopilot.plane import PlaneSettings
from jobforge.autopilot.scanning.results import Finding, judged
from jobforge.autopilot.templates.ops_diagnose import Inputs, Outputs, run
from jobforge.autopilot.tools import autopilot_tools
from jobforge.chassis.settings import Settings
from jobforge.client import JobForgeClient
from jobforge.contracts.jobs import JobSubmission
from jobforge.execution.discovery import bind_tools, find_templates
from jobforge.execution.errors import Retryable
from jobforge.testkit.door_routes import fake_plane
from jobforge.testkit.doors import FakePlane, Result, problem
from jobforge.testkit.recording_job import RecordingJob

EVIL = "<script>alert('x')</script> | [a](http://x)"
TRACE = "trace_1_abc"


@pytest.fixture
def doors() -> Iterator[FakePlane]:
    with fake_plane() as served:
        yield served


Ask = Callable[..., Any]


@pytest.fixture
def ask(doors: FakePlane) -> Ask:
    """Requests a run, which ends with ``doors.results``."""

    def request(template_key: str, tenant_id: str = "acme", **inputs: Any) -> UUID:
        body = JobSubmission(tenant_id=tenant_id, template_key=template_key, inputs=inputs, trace_id=TRACE)
        return doors.accept(body, str(uuid4())).id

    return request


async def diagnosed(doors: FakePlane, run_id: UUID, job: RecordingJob | None = None) -> Outputs:
    runs = Runs(PlaneSettings(url=doors.url, query_url=doors.url))
    outputs = await run(Inputs(run_id=run_id), job or RecordingJob(), runs=runs)
    assert isinstance(outputs, Outputs)
    return outputs


async def test_a_failed_run_is_explained_with_its_trace(doors: FakePlane, ask: Ask) -> None:
    """Events and other runs of the trace stand in its timeline; the run that diagnoses does not."""
    with JobForgeClient(url=doors.url) as client:
        client.submit_event(
            tenant_id="acme",
            event_type="settler.contract.uploaded",
            trace_id=TRACE,
            source_app="settler",
            payload={"name": "payload-secret"},
        )
    key = "settler.contract.process"
    doors.results[key] = Result(error={"code": "contract.encrypted", "message": "it needs a password"})
    run_id, other = ask(key, contract_id="in-secret"), ask("aias.knowledge.index")
    job = RecordingJob(run_id=ask("autopilot.ops.diagnose"))
    outputs = await diagnosed(doors, run_id, job)
    assert (outputs.verdict, outputs.category) == ("failed", "input")
    assert outputs.run.model_dump() == {"id": run_id, "template_key": key, "status": "failed", "attempts": 1}
    assert outputs.causes[0].evidence == "contract.encrypted: it needs a password"
    told = outputs.model_dump_json()
    assert "settler.contract.uploaded from settler" in told
    assert str(other) in told
    assert str(job.run_id) not in told
    assert "secret" not in told


async def test_the_page_and_the_markdown_show_what_an_error_says_as_text(doors: FakePlane, ask: Ask) -> None:
    """Nothing in them runs, links or loads."""
    doors.results["x.y.z"] = Result(error={"code": "x.strange", "message": EVIL})
    job = RecordingJob()
    await diagnosed(doors, ask("x.y.z"), job)
    page, kind = job.artifacts["diagnosis.html"]
    assert kind == "text/html"
    assert b"&lt;script&gt;alert" in page
    assert not [part for part in (b"<script", b"src=", b"href=") if part in page]
    text, kind = job.artifacts["diagnosis.md"]
    assert kind == "text/markdown"
    assert b"\\<script\\>" in text
    assert b"\\[a\\](http://x)" in text


async def test_a_scan_is_told_with_what_to_mend_first(doors: FakePlane, ask: Ask) -> None:
    """And what each mend gains in score."""
    findings = [Finding(id="ssl.expired", severity="high", message="The certificate expired: renew it.")]
    checks = [judged("ssl", findings, {}), judged("cache", [], {})]
    doors.results[SCAN] = Result(outputs={"checks": [each.model_dump() for each in checks], "score": 70})
    job = RecordingJob()
    outputs = await diagnosed(doors, ask(SCAN), job)
    assert (outputs.verdict, outputs.category) == ("attention", "findings")
    assert "score is 70 of 100 with findings 1 high; mend ssl.expired first" in outputs.summary
    assert outputs.steps == ["Mend ssl.expired (high; score 70 → 100): The certificate expired: renew it."]
    assert b"The certificate expired: renew it." in job.artifacts["diagnosis.html"][0]


async def test_a_scan_whose_outputs_are_too_many_for_a_manifest_is_read_from_its_artifact(
    doors: FakePlane, ask: Ask
) -> None:
    """The plane keeps large outputs apart."""
    large = b'{"checks": [' + judged("ssl", [], {}).model_dump_json().encode() + b"]}"
    doors.results[SCAN] = Result(
        outputs={"$artifact": "outputs.json"}, artifacts={"outputs.json": ("application/json", large)}
    )
    outputs = await diagnosed(doors, ask(SCAN))
    assert "100 of 100: nothing to mend" in outputs.summary


async def test_the_outputs_of_other_templates_are_not_told(doors: FakePlane, ask: Ask) -> None:
    """However much they look like a scan's."""
    doors.results["x.y.z"] = Result(outputs={"checks": [judged("ssl", [], {}).model_dump()], "name": "out-secret"})
    outputs = await diagnosed(doors, ask("x.y.z"))
    assert outputs.verdict == "succeeded"
    assert outputs.scan is None
    assert "secret" not in outputs.model_dump_json()


async def test_a_run_of_nobody_or_of_another_tenant_is_not_found(doors: FakePlane, ask: Ask) -> None:
    """Both alike."""
    doors.results["x.y.z"] = Result()
    for run_id in (uuid4(), ask("x.y.z", tenant_id="other")):
        with pytest.raises(failures.RunNotFound, match=f"run_id: this tenant has no run {run_id}"):
            await diagnosed(doors, run_id)


async def test_a_run_that_goes_on_is_asked_for_again_later(doors: FakePlane, ask: Ask) -> None:
    """By the next attempt."""
    run_id = ask("x.y.z")
    with pytest.raises(failures.RunNotEnded, match="is queued") as raised:
        await diagnosed(doors, run_id)
    assert raised.value.retryable
    assert raised.value.after
    doors.advance(run_id, status="canceled", error={"code": "job.canceled", "message": "on request"})
    assert (await diagnosed(doors, run_id)).verdict == "canceled"


async def test_a_catalog_that_cannot_be_read_costs_only_what_it_would_have_told(doors: FakePlane, ask: Ask) -> None:
    """The door that lists templates is another one."""
    doors.results["x.y.z"] = Result()
    runs = Runs(PlaneSettings(url="http://127.0.0.1:9", query_url=doors.url))
    outputs = await run(Inputs(run_id=ask("x.y.z")), RecordingJob(), runs=runs)
    assert isinstance(outputs, Outputs)
    assert outputs.verdict == "succeeded"


async def test_a_plane_that_shows_no_runs_refuses(doors: FakePlane, ask: Ask) -> None:
    """A flag is off: another attempt would not help."""
    doors.faults.append(problem(403, "feature.disabled", "Manifests are disabled (JOBFORGE_MANIFESTS_ENABLED)"))
    with pytest.raises(failures.PlaneRefused, match="JOBFORGE_MANIFESTS_ENABLED"):
        await diagnosed(doors, ask("x.y.z"))


async def test_a_plane_that_is_down_is_unavailable() -> None:
    """The variable to look at is named."""
    runs = Runs(PlaneSettings(url="http://127.0.0.1:9", query_url="http://127.0.0.1:9"))
    with pytest.raises(failures.PlaneUnavailable, match="JOBFORGE_QUERY_URL") as raised:
        await run(Inputs(run_id=uuid4()), RecordingJob(), runs=runs)
    assert isinstance(raised.value, Retryable)


def test_importing_the_diagnosis_loads_neither_a_client_nor_the_writer_of_pages() -> None:
    """They come with the first diagnosis."""
    program = (
        "import sys, jobforge.autopilot.app, jobforge.autopilot.templates.ops_diagnose\n"
        "print(sorted({'jinja2', 'jobforge.client'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_the_diagnosis_gets_the_tools_it_names() -> None:
    """What the service makes is what its templates ask for."""
    bound = bind_tools(find_templates("jobforge.autopilot").values(), autopilot_tools(Settings()))
    assert "autopilot.ops.diagnose" in bound
