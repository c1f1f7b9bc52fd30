"""Reports as Markdown (GitHub's dialect), with everything from the run escaped."""

import re
from collections.abc import Iterable

from jobforge.client.report_content import Report
from jobforge.client.report_layout import Fields, Items, Node, Table, Text

_SPECIAL = re.compile(r"([\\`*\[\]<>|~])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LONG_ITEM = 40
_BREAKS = re.compile(r"\s*[\r\n\u2028\u2029]+\s*")


def to_markdown(report: Report) -> str:
    """The report as one Markdown document."""
    lines = [f"# {escape(report.app)}: {escape(report.title)}", "", f"**{report.verdict}.** {escape(report.summary)}"]
    lines += _fields(report.facts)
    for heading, body in _sections(report):
        lines += ["", f"## {heading}", *body]
    return "\n".join(lines).rstrip() + "\n"


def escape(text: str) -> str:
    """Text that cannot leave its table cell, become markup or start a line."""
    safe = _SPECIAL.sub(lambda match: "\\" + match[0], text.replace("&", "&amp;"))
    return _BREAKS.sub("<br>", safe.strip())


def _sections(report: Report) -> list[tuple[str, list[str]]]:
    parts: list[tuple[str, Node | None]] = [
        ("Outputs", report.outputs),
        ("Artifacts", _artifacts(report)),
        ("Inputs", report.inputs),
        ("Objects read", report.objects_read),
        ("Timings", report.timings),
        ("Attempts", report.attempts),
        ("Metrics", report.metrics),
        ("Environment", report.environment),
        ("Proof", _proof(report)),
    ]
    found = [(heading, _block(node, 3)) for heading, node in parts if node is not None]
    return [("Error", _fields(report.error)), *found] if report.error else found


def _artifacts(report: Report) -> Table | None:
    if not report.artifacts:
        return None
    return Table(
        columns=("Name", "Media type", "Size", "SHA-256"),
        rows=tuple(
            (Text(each.name), Text(each.media_type), Text(each.size), Text(each.sha256, "code"))
            for each in report.artifacts
        ),
        numeric=(False, False, True, False),
        wide=(False, False, False, True),
    )


def _proof(report: Report) -> Fields:
    proof = [
        ("Trace", report.trace_id),
        ("OpenTelemetry trace", report.otel_trace_id),
        ("Trace address", report.trace_url),
        ("Manifest digest (sha256)", report.digest or "none while the run is unfinished"),
    ]
    return Fields(tuple((name, Text(value, "code")) for name, value in proof if value))


def _block(node: Node, level: int) -> list[str]:
    if isinstance(node, Table):
        return _table(node)
    if isinstance(node, Items):
        return ["", *(f"- {_inline(item)}" for item in node.items)]
    if isinstance(node, Text):
        return ["", _inline(node)]
    small = tuple(field for field in node.fields if not _is_large(field[1]))
    lines = _fields(small) if small else []
    for name, value in node.fields:
        if _is_large(value):
            lines += ["", f"{'#' * min(level, 6)} {escape(name)}", *_block(value, level + 1)]
    return lines


def _is_large(node: Node) -> bool:
    if isinstance(node, Fields):
        return any(not isinstance(value, Text) for _, value in node.fields)
    return isinstance(node, Table) or (isinstance(node, Items) and any(not isinstance(n, Text) for n in node.items))


def _fields(fields: Iterable[tuple[str, Node]]) -> list[str]:
    return ["", "| | |", "|---|---|", *(f"| **{escape(name)}** | {_inline(value)} |" for name, value in fields)]


def _table(table: Table) -> list[str]:
    head = "| " + " | ".join(escape(column) or " " for column in table.columns) + " |"
    rule = "|" + "|".join("---:" if numeric else "---" for numeric in table.numeric) + "|"
    return ["", head, rule, *("| " + " | ".join(_inline(cell) for cell in row) + " |" for row in table.rows)]


def _inline(node: Node) -> str:
    if isinstance(node, Text):
        return f"`{_code(node.text)}`" if node.tone == "code" else escape(node.text)
    if isinstance(node, Items):
        cells = [_inline(item) for item in node.items]
        return ("<br>" if max(map(len, cells)) > _LONG_ITEM else ", ").join(cells)
    if isinstance(node, Fields):
        return _pairs(node.fields)
    return "<br>".join(_pairs(zip(node.columns, row, strict=True)) for row in node.rows)


def _pairs(fields: Iterable[tuple[str, Node]]) -> str:
    return "; ".join(f"{escape(name)}: {_inline(value)}" if name else _inline(value) for name, value in fields)


def _code(text: str) -> str:
    """Text inside one pair of backticks: there is no escape there, so what would end it is replaced."""
    return _BREAKS.sub(" ", text).replace("`", "'").replace("|", "\\|")
