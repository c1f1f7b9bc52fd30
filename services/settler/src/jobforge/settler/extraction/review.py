"""What a contract manager should look at: what is missing, odd or due."""

from datetime import date, timedelta

from jobforge.documents.document import Document
from jobforge.settler.extraction.analysis import Analysis
from jobforge.settler.extraction.dates import add_months

_SOON = timedelta(days=90)
_UNSURE = 0.6


def review(analysis: Analysis, document: Document, today: date) -> list[str]:
    """Warnings, each one sentence; those that depend on the day are counted from ``today``."""
    return [
        *_missing(analysis),
        *_odd_dates(analysis),
        *_due(analysis, today),
        *_doubts(analysis, document),
    ]


def _missing(analysis: Analysis) -> list[str]:
    told = []
    if not analysis.parties:
        told.append("No parties are named; the file may be a form or an excerpt.")
    elif len(analysis.parties) == 1:
        told.append(f"Only one party is named: {analysis.parties[0].name}.")
    if analysis.governing_law is None:
        told.append("No governing law is named.")
    if analysis.agreement_date is None:
        told.append("The contract has no agreement date, or it was left blank.")
    if analysis.effective_date is None:
        told.append("No effective date is stated.")
    if analysis.expiration_date is None and not analysis.perpetual:
        told.append("No end of the term could be determined.")
    return told


def _odd_dates(analysis: Analysis) -> list[str]:
    made, effective, expires = analysis.agreement_date, analysis.effective_date, analysis.expiration_date
    told = []
    if expires and effective and expires < effective:
        told.append(f"The contract expires ({expires}) before it takes effect ({effective}).")
    elif expires and made and expires < made:
        told.append(f"The contract expires ({expires}) before it was made ({made}).")
    if made and effective and effective < made - timedelta(days=365):
        told.append(f"The effective date ({effective}) lies more than a year before the agreement date ({made}).")
    return told


def _due(analysis: Analysis, today: date) -> list[str]:
    expires, renewal = analysis.expiration_date, analysis.renewal
    if expires is None:
        return []
    if renewal is None or not renewal.automatic:
        if expires < today:
            return [f"The contract expired on {expires}."]
        return (
            [f"The contract expires on {expires}, in {(expires - today).days} days."]
            if expires - today <= _SOON
            else []
        )
    due = _next_renewal(expires, renewal.months, today)
    if due is None:
        return [f"The first term ended on {expires}; the contract may have renewed itself since."]
    told = []
    if expires < today:
        told.append(f"The first term expired on {expires}; unless it was ended, the contract renewed itself since.")
    if due - today <= _SOON:
        told.append(
            f"The contract renews itself on {due}, in {(due - today).days} days.{_last_notice(analysis, due, today)}"
        )
    return told


def _next_renewal(expires: date, months: int | None, today: date) -> date | None:
    """The first day, today or later, on which a term ends; None if it has ended and renewals have no known length."""
    if expires >= today:
        return expires
    if not months:
        return None
    passed = (today.year - expires.year) * 12 + today.month - expires.month
    count = max(0, passed // months)
    while add_months(expires, count * months) < today:
        count += 1
    return add_months(expires, count * months)


def _last_notice(analysis: Analysis, due: date, today: date) -> str:
    if analysis.notice is None:
        return ""
    last = due - timedelta(days=analysis.notice.days)
    if last < today:
        return f" The last day for notice against it was {last}."
    return f" Notice against it must be given by {last}."


def _doubts(analysis: Analysis, document: Document) -> list[str]:
    told = []
    if document.pages_without_text:
        told.append(f"{document.pages_without_text} of {document.pages} pages hold no text and were not read.")
    unsure = sorted({f.field.partition("[")[0] for f in analysis.findings if f.confidence < _UNSURE})
    if unsure:
        told.append(f"Found with little confidence, please check: {', '.join(unsure)}.")
    return told
