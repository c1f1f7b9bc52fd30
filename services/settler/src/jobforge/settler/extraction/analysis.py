"""Everything that is found in one contract, each finding with its evidence."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from jobforge.documents.document import Document
from jobforge.settler.extraction.clauses import Clause, find_clauses
from jobforge.settler.extraction.law import find_governing_law
from jobforge.settler.extraction.opening import find_opening
from jobforge.settler.extraction.parties import find_parties
from jobforge.settler.extraction.party import Party
from jobforge.settler.extraction.passage import Found, Span, flatten
from jobforge.settler.extraction.renewal import Notice, Renewal, find_notice, find_renewal
from jobforge.settler.extraction.signing import find_agreement_date, find_effective_date
from jobforge.settler.extraction.term import find_term
from jobforge.settler.extraction.title import find_title

Depth = Literal["full", "summary"]
_PASSAGES = {"full": 5, "summary": 1}


@dataclass(frozen=True, slots=True)
class Finding:
    """Evidence for a field: ``quote`` is the document's text from ``start`` to ``end``, on ``page``."""

    field: str
    quote: str
    page: int
    start: int
    end: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the contract says; None where it does not say it."""

    depth: Depth
    title: str | None
    parties: tuple[Party, ...]
    agreement_date: date | None
    effective_date: date | None
    expiration_date: date | None
    perpetual: bool
    renewal: Renewal | None
    notice: Notice | None
    governing_law: str | None
    clauses: tuple[Clause, ...]
    findings: tuple[Finding, ...]

    def evidence(self, field: str) -> Finding | None:
        """The first finding of a field."""
        return next((finding for finding in self.findings if finding.field == field), None)


def analyse(document: Document, depth: Depth) -> Analysis:
    """``summary`` stops at the first passage of each kind of clause and lists none of them as findings."""
    flat = flatten(document.text)
    opening = find_opening(flat)
    title = find_title(flat, opening)
    parties = find_parties(flat, opening)
    made = find_agreement_date(flat, opening)
    effective = find_effective_date(flat, opening, made)
    begins = effective or made
    term = find_term(flat, begins.value if begins else None)
    renewal = find_renewal(flat)
    notice = find_notice(flat, renewal)
    law = find_governing_law(flat)
    clauses = find_clauses(flat, passages=_PASSAGES[depth])
    stated: list[tuple[str, Found[Any] | None]] = [
        ("title", title),
        *((f"parties[{number}]", party) for number, party in enumerate(parties)),
        ("agreement_date", made),
        ("effective_date", effective),
        ("expiration_date", term.expires),
        ("perpetual", term.perpetual),
        ("renewal_term", renewal),
        ("notice_period", notice),
        ("governing_law", law),
    ]
    findings = [_finding(document, field, found.span, found.confidence) for field, found in stated if found]
    if depth == "full":
        for clause in clauses:
            findings += [_finding(document, f"clauses.{clause.name}", at, clause.confidence) for at in clause.passages]
    return Analysis(
        depth=depth,
        title=_value(title),
        parties=tuple(party.value for party in parties),
        agreement_date=_value(made),
        effective_date=_value(effective),
        expiration_date=_value(term.expires),
        perpetual=term.perpetual is not None,
        renewal=_value(renewal),
        notice=_value(notice),
        governing_law=_value(law),
        clauses=clauses,
        findings=tuple(findings),
    )


def _value(found: Found[Any] | None) -> Any:
    return found.value if found else None


def _finding(document: Document, field: str, span: Span, confidence: float) -> Finding:
    return Finding(
        field=field,
        quote=document.text[span.start : span.end],
        page=document.page_at(span.start),
        start=span.start,
        end=span.end,
        confidence=round(confidence, 2),
    )
