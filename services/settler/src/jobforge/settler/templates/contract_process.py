"""Reads an uploaded contract and says what it commits to, with the evidence for each finding."""

from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel, Field

from jobforge.contracts.base import ObjectId, StrictInput
from jobforge.execution.job import Job
from jobforge.execution.template import template
from jobforge.settler.tools import Documents


class Inputs(StrictInput):
    """Which contract to read, and how thoroughly."""

    contract_id: ObjectId = Field(description="An uploaded object of the kind `contract`: plain text, PDF or DOCX.")
    analysis_type: Literal["full", "summary"] = Field(
        default="full",
        description="full quotes up to five passages a clause; summary answers yes or no for clauses and quotes none.",
    )
    as_of: date | None = Field(default=None, description="The day that warnings count from; today unless given.")


class Party(BaseModel):
    """Somebody who concludes the contract; ``role`` is the defined term that says what they are in it."""

    name: str
    role: str | None
    defined_as: list[str]


class RenewalTerm(BaseModel):
    """Another term after the first; ``months`` of one renewal where the contract says it."""

    text: str
    months: int | None
    automatic: bool


class NoticePeriod(BaseModel):
    """The notice that ends the contract at its renewal; a month counts as 30 days."""

    text: str
    days: int


class Clause(BaseModel):
    """Whether the contract has a kind of clause, and the first passage that shows it."""

    present: bool
    confidence: float
    quote: str | None
    page: int | None
    start: int | None
    end: int | None


class Finding(BaseModel):
    """Evidence: ``quote`` is the text of ``text.txt`` from character ``start`` to before ``end``."""

    field: str
    quote: str
    page: int
    start: int
    end: int
    confidence: float = Field(ge=0, le=1)


class Outputs(BaseModel):
    """What the contract says; null where it does not say it."""

    title: str | None
    parties: list[Party]
    agreement_date: date | None
    effective_date: date | None
    expiration_date: date | None
    perpetual: bool
    renewal_term: RenewalTerm | None
    notice_period: NoticePeriod | None
    governing_law: str | None
    clauses: dict[str, Clause]
    findings: list[Finding]
    warnings: list[str]
    as_of: date
    analysis_type: Literal["full", "summary"]
    pages: int


@template("settler.contract.process", scopes={"settler:read"}, timeout=timedelta(seconds=60), attempts=3)
async def run(inputs: Inputs, job: Job, *, documents: Documents) -> Outputs:
    """Find parties, dates, terms and clauses of a contract, each with the passage that shows it."""
    await job.progress(0.05, "reading")
    processed = await documents.process(job, inputs.contract_id, inputs.analysis_type, inputs.as_of)
    await job.progress(0.9, "writing")
    await job.write_artifact("analysis.json", processed.analysis, "application/json")
    await job.write_artifact("summary.md", processed.summary, "text/markdown; charset=utf-8")
    await job.write_artifact("text.txt", processed.text, "text/plain; charset=utf-8")
    for name, version in processed.tools.items():
        job.used_tool(name, version)
    outputs = Outputs.model_validate(processed.outputs)
    job.measure("pages", processed.pages)
    job.measure("characters", len(processed.text))
    job.measure("findings", len(outputs.findings))
    job.measure("clauses_found", sum(clause.present for clause in outputs.clauses.values()))
    return outputs
