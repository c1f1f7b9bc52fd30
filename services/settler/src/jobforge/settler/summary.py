"""The analysis as a page that a contract manager reads in a minute."""

import re
from datetime import date

from jobforge.documents.document import Document
from jobforge.settler.extraction.analysis import Analysis, Finding
from jobforge.settler.extraction.party import Party

_QUOTED = 240


def write_summary(analysis: Analysis, document: Document, warnings: list[str], today: date) -> str:
    """Markdown: what to look at first, then the key terms, the clauses, and the passages behind them."""
    blocks = [
        f"# {_plain(analysis.title or 'Contract without a title')}",
        _opening_line(analysis),
        "## To look at\n\n" + ("\n".join(f"- {_plain(warning)}" for warning in warnings) or "Nothing stands out."),
        "## Key terms\n\n" + _table(("Term", "What the contract says", "Page"), _key_terms(analysis)),
        "## Clauses\n\n" + _clauses(analysis),
    ]
    if analysis.depth == "full":
        blocks.append("## Where it says so\n\n" + _passages(analysis))
    pages = f"{document.pages} page{'s' if document.pages != 1 else ''}"
    blocks.append(
        f"---\n*Read from {document.format.upper() if document.format != 'text' else 'plain text'}, {pages}; "
        f"{analysis.depth} analysis as of {today}. Found by rules, not by a lawyer: check the quoted passages "
        f"before relying on them.*"
    )
    return "\n\n".join(blocks) + "\n"


def _opening_line(analysis: Analysis) -> str:
    names = [f"**{_plain(party.name)}**{_role(party)}" for party in analysis.parties]
    between = (
        f"Between {', '.join(names[:-1])} and {names[-1]}"
        if len(names) > 1
        else f"With {names[0]}"
        if names
        else "Parties not found"
    )
    made = f", dated {_day(analysis.agreement_date)}" if analysis.agreement_date else ""
    return f"{between}{made}."


def _role(party: Party) -> str:
    return f" ({_plain(party.role)})" if party.role and party.role.lower() not in party.name.lower() else ""


def _key_terms(analysis: Analysis) -> list[tuple[str, str, str]]:
    renewal, notice = analysis.renewal, analysis.notice
    expires = "None: runs until it is ended" if analysis.perpetual else _day(analysis.expiration_date)
    renews = None
    if renewal is not None:
        how = "by itself" if renewal.automatic else "if agreed or chosen"
        renews = f"{how}, {renewal.text}" + (f" ({renewal.months} months)" if renewal.months else "")
    rows = (
        ("Agreement date", _day(analysis.agreement_date), "agreement_date"),
        ("Effective date", _day(analysis.effective_date), "effective_date"),
        ("Expiration date", expires, "perpetual" if analysis.perpetual else "expiration_date"),
        ("Renewal", renews, "renewal_term"),
        ("Notice to stop renewal", notice and f"{notice.text} ({notice.days} days)", "notice_period"),
        ("Governing law", analysis.governing_law, "governing_law"),
    )
    return [(label, _plain(value or "not found"), _page(analysis.evidence(field))) for label, value, field in rows]


def _clauses(analysis: Analysis) -> str:
    present = [clause for clause in analysis.clauses if clause.present]
    absent = [clause.label for clause in analysis.clauses if not clause.present]
    lines = []
    if present:
        rows = [
            (clause.label, _page(analysis.evidence(f"clauses.{clause.name}")), f"{clause.confidence:.0%}")
            for clause in present
        ]
        lines.append(_table(("Found", "Page", "Confidence"), rows))
    if absent:
        lines.append(f"Not found: {', '.join(absent)}.")
    return "\n\n".join(lines)


def _passages(analysis: Analysis) -> str:
    told: dict[str, list[str]] = {}
    for finding in analysis.findings:
        told.setdefault(finding.field.partition("[")[0], []).append(
            f"> {_quote(finding)}\n> — page {finding.page}, characters {finding.start}-{finding.end}, "
            f"{finding.confidence:.0%} sure"
        )
    return "\n\n".join(f"### {_heading(field)}\n\n" + "\n\n".join(quotes[:3]) for field, quotes in told.items())


def _heading(field: str) -> str:
    return field.removeprefix("clauses.").replace("_", " ").capitalize()


def _table(head: tuple[str, str, str], rows: list[tuple[str, str, str]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _page(finding: Finding | None) -> str:
    return str(finding.page) if finding else ""


def _day(day: date | None) -> str | None:
    return f"{day.day} {day:%B %Y}" if day else None


def _quote(finding: Finding) -> str:
    text = _plain(finding.quote)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED].rsplit(' ', 1)[0]} …"


def _plain(text: str) -> str:
    """One line that Markdown shows as it is; contracts are full of asterisks, underscores and angle brackets."""
    line = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", line)
