"""One contract from bytes to everything that is stored of it; what the child process runs."""

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from jobforge.documents.bounds import Bounds, bounded
from jobforge.settler.failures import contract_failures

if TYPE_CHECKING:
    from jobforge.documents.document import Document
    from jobforge.settler.extraction.analysis import Analysis, Finding

Depth = Literal["full", "summary"]


@dataclass(frozen=True, slots=True)
class Processed:
    """``outputs`` are JSON; ``text`` is what all offsets count in; ``tools`` are libraries with their versions."""

    outputs: dict[str, Any]
    analysis: str
    summary: str
    text: str
    pages: int
    tools: dict[str, str]


def process_contract(data: bytes, content_type: str, depth: Depth, today: date, bounds: Bounds) -> Processed:
    """Read, analyse, review and summarise; raises one of ``jobforge.settler.failures``.

    Everything heavy is imported here, so that only the child process ever loads it.
    """
    with contract_failures(), bounded(bounds):
        from jobforge.settler.extraction.analysis import analyse
        from jobforge.settler.extraction.review import review
        from jobforge.settler.reading import read_contract
        from jobforge.settler.summary import write_summary

        document = read_contract(data, content_type, bounds)
        analysis = analyse(document, depth)
        warnings = review(analysis, document, today)
        outputs = _outputs(analysis, document, warnings, today)
        return Processed(
            outputs=outputs,
            analysis=json.dumps(_with_document(outputs, document), ensure_ascii=False, indent=2),
            summary=write_summary(analysis, document, warnings, today),
            text=document.text,
            pages=document.pages,
            tools=_tools(document.format),
        )


def _outputs(analysis: "Analysis", document: "Document", warnings: list[str], today: date) -> dict[str, Any]:
    renewal, notice = analysis.renewal, analysis.notice
    return {
        "title": analysis.title,
        "parties": [
            {"name": party.name, "role": party.role, "defined_as": list(party.defined_as)} for party in analysis.parties
        ],
        "agreement_date": _iso(analysis.agreement_date),
        "effective_date": _iso(analysis.effective_date),
        "expiration_date": _iso(analysis.expiration_date),
        "perpetual": analysis.perpetual,
        "renewal_term": {"text": renewal.text, "months": renewal.months, "automatic": renewal.automatic}
        if renewal
        else None,
        "notice_period": {"text": notice.text, "days": notice.days} if notice else None,
        "governing_law": analysis.governing_law,
        "clauses": {
            clause.name: {
                "present": clause.present,
                "confidence": clause.confidence,
                **_place(analysis.evidence(f"clauses.{clause.name}")),
            }
            for clause in analysis.clauses
        },
        "findings": [
            {"field": each.field, **_place(each), "confidence": each.confidence} for each in analysis.findings
        ],
        "warnings": warnings,
        "as_of": today.isoformat(),
        "analysis_type": analysis.depth,
        "pages": document.pages,
    }


def _place(finding: "Finding | None") -> dict[str, Any]:
    if finding is None:
        return {"quote": None, "page": None, "start": None, "end": None}
    return {"quote": finding.quote, "page": finding.page, "start": finding.start, "end": finding.end}


def _with_document(outputs: dict[str, Any], document: "Document") -> dict[str, Any]:
    described = {
        "format": document.format,
        "pages": document.pages,
        "page_starts": list(document.page_starts),
        "pages_without_text": document.pages_without_text,
        "characters": len(document.text),
        "text": "text.txt",
    }
    return {"document": described, **outputs}


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _tools(file_format: str) -> dict[str, str]:
    from importlib.metadata import version

    library = {"pdf": "pypdf", "docx": "python-docx", "text": "charset-normalizer"}[file_format]
    return {library: version(library)}
