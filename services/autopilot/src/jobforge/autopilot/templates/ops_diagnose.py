"""Explains a run that has ended: what happened, why, and what to do next."""

from datetime import timedelta
from uuid import UUID

from pydantic import Field

from jobforge.autopilot.diagnosing.judging import diagnose
from jobforge.autopilot.diagnosing.report import to_html, to_markdown
from jobforge.autopilot.diagnosing.results import Diagnosis
from jobforge.autopilot.diagnosing.runs import Runs
from jobforge.contracts.base import StrictInput
from jobforge.execution.job import Job
from jobforge.execution.template import template


class Inputs(StrictInput):
    """Which run to explain."""

    run_id: UUID = Field(description="A run of the same tenant that has ended, such as a scan.")


class Outputs(Diagnosis):
    """The run explained."""


@template("autopilot.ops.diagnose", scopes={"autopilot:read"}, timeout=timedelta(minutes=1), attempts=4)
async def run(inputs: Inputs, job: Job, *, runs: Runs) -> Outputs:
    """Explain a run from its manifest, its events and its trace: its end, the causes, and the steps to take.

    Writes ``diagnosis.html``, a page for people, and ``diagnosis.md``. Works by rules, without a model. Only reads.
    """
    case = await runs.case(job, inputs.run_id)
    await job.progress(0.6, "the run is read")
    found = diagnose(case)
    await job.write_artifact("diagnosis.html", to_html(found), "text/html")
    await job.write_artifact("diagnosis.md", to_markdown(found), "text/markdown")
    job.measure("causes", len(found.causes))
    job.measure("steps", len(found.steps))
    return Outputs(**dict(found))
