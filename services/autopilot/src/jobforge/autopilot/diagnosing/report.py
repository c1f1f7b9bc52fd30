"""A diagnosis as one self-contained page, and as Markdown."""

from jobforge.autopilot.diagnosing.results import Diagnosis
from jobforge.autopilot.diagnosing.timeline import lasting
from jobforge.autopilot.drafting.markdown import escaped, heading
from jobforge.autopilot.pages import page_template


def to_html(found: Diagnosis) -> str:
    """A page that loads nothing; what errors and findings say stands there as text."""
    page: str = page_template("jobforge.autopilot.diagnosing", "report.html.j2").render(
        found=found, spent=_spent(found)
    )
    return page


def to_markdown(found: Diagnosis) -> str:
    """The same for a ticket or a terminal."""
    lines = [heading(1, f"Diagnosis of {found.run.template_key or found.run.id}"), "", escaped(found.summary), ""]
    lines += [f"- {label}: {value}" for label, value in _spent(found)]
    lines += ["", heading(2, "What to do next"), ""]
    lines += [f"{number}. {escaped(step)}" for number, step in enumerate(found.steps, 1)] or ["Nothing."]
    lines += ["", heading(2, "What stood out" if found.run.status == "succeeded" else "Why"), ""]
    lines += [
        f"- {cause.confidence}, {escaped(cause.code)}: {escaped(cause.explanation)} {escaped(cause.evidence)}".rstrip()
        for cause in found.causes
    ] or ["Nothing."]
    lines += ["", heading(2, "What happened"), ""]
    lines += [
        f"- {moment.at.isoformat(timespec='milliseconds') if moment.at else ''} "
        f"{escaped(moment.what)}{': ' if moment.detail else ''}{escaped(moment.detail)}"
        for moment in found.timeline
    ]
    return "\n".join([*lines, "", f"Run {found.run.id}; by rules, no model."]) + "\n"


def _spent(found: Diagnosis) -> list[tuple[str, str]]:
    spent = found.time_spent
    parts = [("in the queue", spent.queued), ("in attempts", spent.running), ("between attempts", spent.waiting)]
    if spent.lost:
        parts.append(("in lost attempts", spent.lost))
    parts.append(("in all", spent.total))
    return [(label, "–" if seconds is None else lasting(seconds)) for label, seconds in parts]
