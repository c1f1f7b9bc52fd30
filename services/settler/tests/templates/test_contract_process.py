"""The job as an app sees it: a contract goes in, answers with their evidence come out."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from jobforge.execution.errors import JobFailure, ObjectMissing
from jobforge.execution.template import Template
from jobforge.settler.extraction.clauses import RULES
from jobforge.settler.templates.contract_process import Inputs, Outputs, run
from jobforge.settler.tools import DocumentLimits, Documents

TODAY = date(2026, 11, 23)


class Desk:
    """Contracts handed in one at a time, on a day that stands still."""

    def __init__(self, job: Any) -> None:
        self.job = job

    async def process(
        self, contract: bytes, content_type: str = "text/plain", limits: DocumentLimits | None = None, **inputs: Any
    ) -> Outputs:
        self.job.objects["contract", "c-1"] = (contract, content_type)
        documents = Documents(limits or DocumentLimits(), today=lambda: TODAY)
        request = Inputs.model_validate({"contract_id": "c-1", "analysis_type": "full", **inputs})
        outputs = await run(request, self.job, documents=documents)
        assert isinstance(outputs, Outputs)
        return outputs


@pytest.fixture
def desk(recording_job: Any) -> Desk:
    return Desk(recording_job)


async def test_a_contract_yields_its_terms(desk: Desk, agreement: str) -> None:
    """Everything that the contract states, as values that a program can use."""
    outputs = await desk.process(agreement.encode())
    assert outputs.title == "Reseller Agreement"
    assert [(p.name, p.role) for p in outputs.parties] == [
        ("Northwind Tools, Inc.", "Supplier"),
        ("Café Bleu Handels GmbH", "Reseller"),
    ]
    assert (outputs.agreement_date, outputs.effective_date) == (date(2024, 3, 19), date(2024, 3, 19))
    assert outputs.expiration_date == date(2027, 3, 19)
    assert not outputs.perpetual
    assert outputs.renewal_term is not None
    assert outputs.renewal_term.months == 12
    assert outputs.renewal_term.automatic
    assert outputs.notice_period is not None
    assert outputs.notice_period.days == 60
    assert outputs.governing_law == "New York"
    assert {name for name, clause in outputs.clauses.items() if clause.present} == {
        "anti_assignment",
        "cap_on_liability",
    }


@pytest.mark.parametrize("name", ["sponsorship.txt", "supply.txt", "development.pdf"])
async def test_every_finding_quotes_the_text_at_its_span(desk: Desk, data: Path, name: str) -> None:
    """The text artifact from start to end is the quote, and it stands on the page that is said."""
    outputs = await desk.process((data / name).read_bytes())
    text = desk.job.artifacts["text.txt"][0].decode()
    pages = json.loads(desk.job.artifacts["analysis.json"][0])["document"]["page_starts"]
    assert len(outputs.findings) >= 5
    for finding in outputs.findings:
        assert text[finding.start : finding.end] == finding.quote != ""
        assert pages[finding.page - 1] <= finding.start < [*pages[1:], len(text) + 1][finding.page - 1]
        assert 0 < finding.confidence <= 1


async def test_every_kind_of_clause_is_answered(desk: Desk, data: Path) -> None:
    """Fourteen answers; those that are present quote a passage."""
    outputs = await desk.process((data / "supply.txt").read_bytes())
    assert set(outputs.clauses) == {rule.name for rule in RULES}
    assert len(outputs.clauses) == 14
    for clause in outputs.clauses.values():
        assert (clause.quote is not None) == clause.present


async def test_the_artifacts_hold_the_same_answers(desk: Desk, agreement: str) -> None:
    """analysis.json for programs, summary.md for people, text.txt for the spans."""
    outputs = await desk.process(agreement.encode())
    assert set(desk.job.artifacts) == {"analysis.json", "summary.md", "text.txt"}
    analysis = json.loads(desk.job.artifacts["analysis.json"][0])
    assert analysis["document"]["format"] == "text"
    assert {key: analysis[key] for key in outputs.model_dump(mode="json")} == outputs.model_dump(mode="json")
    summary = desk.job.artifacts["summary.md"][0].decode()
    assert "Between **Northwind Tools, Inc.** (Supplier) and **Café Bleu Handels GmbH** (Reseller)" in summary
    assert "19 March 2027" in summary
    assert desk.job.tool_versions
    assert desk.job.metrics["findings"] == len(outputs.findings)


async def test_word_and_text_say_the_same(
    desk: Desk, recording_job: Any, agreement: str, agreement_docx: bytes
) -> None:
    """The format of the file does not change the answers."""
    word = await desk.process(agreement_docx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
    recording_job.artifacts.clear()
    plain = await desk.process(agreement.encode())
    spans = {"findings", "clauses"}
    assert word.model_dump(exclude=spans) == plain.model_dump(exclude=spans)


async def test_a_summary_answers_without_quoting_clauses(desk: Desk, agreement: str) -> None:
    """The same flags, findings only for the key terms."""
    outputs = await desk.process(agreement.encode(), analysis_type="summary")
    assert outputs.clauses["anti_assignment"].present
    assert outputs.clauses["anti_assignment"].quote is None
    assert not [finding for finding in outputs.findings if finding.field.startswith("clauses.")]
    assert outputs.governing_law == "New York"


async def test_warnings_count_from_the_day_that_is_asked_for(desk: Desk, recording_job: Any, agreement: str) -> None:
    """Nothing is due in 2024; ninety days before the term ends the renewal is."""
    early = await desk.process(agreement.encode(), as_of="2024-06-01")
    assert early.warnings == []
    recording_job.artifacts.clear()
    late = await desk.process(agreement.encode(), as_of="2027-01-10")
    assert late.warnings == [
        "The contract renews itself on 2027-03-19, in 68 days. Notice against it must be given by 2027-01-18."
    ]


async def test_without_a_day_the_tools_clock_counts(desk: Desk, agreement: str) -> None:
    """The outputs name the day, so that a reader knows what the warnings mean."""
    assert (await desk.process(agreement.encode())).as_of == TODAY


@pytest.mark.parametrize(
    ("contract", "code"),
    [
        (b"%PDF-1.4 nothing more", "contract.unreadable"),
        (b"   ", "contract.no_text"),
        (b"\x89PNG\r\n\x1a\n", "contract.unsupported_type"),
    ],
)
async def test_a_failure_crosses_the_process_with_its_code(desk: Desk, contract: bytes, code: str) -> None:
    """Raised in the child, read by the runner; nothing is written."""
    with pytest.raises(JobFailure) as failed:
        await desk.process(contract)
    assert failed.value.code == code
    assert not failed.value.retryable
    assert not desk.job.artifacts


async def test_a_contract_that_costs_too_much_fails_and_the_child_lives_on(desk: Desk, agreement: str) -> None:
    """The processor's time is bounded for each contract by itself."""
    with pytest.raises(JobFailure) as failed:
        await desk.process(b"shall not compete " * 200_000, limits=DocumentLimits(max_processor_time=1))
    assert failed.value.code == "contract.too_costly"
    assert (await desk.process(agreement.encode())).title == "Reseller Agreement"


async def test_an_unknown_contract_is_named(desk: Desk) -> None:
    """The job says what is missing."""
    with pytest.raises(ObjectMissing) as failed:
        await run(Inputs(contract_id="nothing"), desk.job, documents=Documents(DocumentLimits()))
    assert failed.value.code == "object.not_found"


def test_inputs_are_checked_at_the_door() -> None:
    """Ids that could be paths, unknown kinds of analysis and unknown fields never reach a worker."""
    for wrong in ({"contract_id": "../x"}, {"contract_id": "c", "analysis_type": "deep"}, {"contract_id": "c", "x": 1}):
        with pytest.raises(ValidationError):
            Inputs.model_validate(wrong)


def test_the_template_is_declared_as_its_users_know_it() -> None:
    """Key, scope and effects."""
    declared = run.__jobforge_template__  # type: ignore[attr-defined]
    assert isinstance(declared, Template)
    assert (declared.key, declared.effects, declared.scopes) == (
        "settler.contract.process",
        "pure",
        frozenset({"settler:read"}),
    )
