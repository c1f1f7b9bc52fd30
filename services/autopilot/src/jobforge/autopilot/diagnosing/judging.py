"""Explains a run: its end in a word and a sentence, what caused it, and the steps to take."""

import re
from collections.abc import Iterator, Sequence

from jobforge.autopilot.diagnosing.case import SCAN, Case
from jobforge.autopilot.diagnosing.families import family_of
from jobforge.autopilot.diagnosing.results import Category, Cause, Diagnosis, RunSeen, ScanSeen, Spent, Verdict
from jobforge.autopilot.diagnosing.rules import DISABLED, RULES
from jobforge.autopilot.diagnosing.scans import scan_seen
from jobforge.autopilot.diagnosing.timeline import began, code_of, lasting, time_spent, timeline, vanished
from jobforge.contracts.manifest import RunManifest

MOST_CAUSES = 8
POSITION = re.compile(r"[A-Za-z0-9._-]+/[0-9]+@[0-9]+")
"""Of a dead letter; nothing else gets into a command."""
_ORDER = {"certain": 0, "likely": 1, "possible": 2}
_FAULTS: dict[Category, str] = {
    "request": "the request's fault",
    "input": "the input's fault",
    "setup": "a matter of how the service is set up",
    "far_side": "the fault of something that the run depends on",
    "limits": "a limit",
    "deadline": "a matter of time",
    "crash": "a crash of the worker",
    "defect": "a fault of the template",
    "plane": "the plane's fault",
    "another_run": "the fault of another run",
    "unknown": "of a kind that no rule knows",
}
_STEPS = {
    "worker.vanished": "Look in the service's log, by the run's id, for how its worker ended, then request it again.",
    "worker.crashed": "Look in the service's log, by the run's id, for how the lost attempts ended (memory, a crash).",
    "attempts.differ": "Look at each attempt's error in the timeline: mend the first cause before running it again.",
    "limit.near": "Give less work at a time, or have the template's timeout raised.",
    "queue.long": "Check that the template's service runs (GET /readyz), and whether it needs more workers.",
    "attempts.needed": "Look at why the earlier attempts failed, before it fails them all.",
    "outputs.warnings": "Read the warnings in the run's report (`jobforge report RUN`).",
}


def diagnose(case: Case) -> Diagnosis:
    """The run explained. The same case always gives the same diagnosis."""
    causes = sorted((cause for rule in RULES for cause in rule(case)), key=lambda each: _ORDER[each.confidence])
    scan = scan_seen(case.checks) if case.checks else None
    verdict = _verdict(case, causes, scan)
    category = _category(case, scan)
    spent = time_spent(case)
    return Diagnosis(
        verdict=verdict,
        summary=_summary(case, category, causes, scan, spent),
        category=category,
        timeline=timeline(case),
        time_spent=spent,
        causes=causes[:MOST_CAUSES],
        steps=list(dict.fromkeys(_steps(case, causes, scan))),
        run=RunSeen(
            id=case.run.id, template_key=case.run.template_key, status=case.run.status, attempts=len(began(case))
        ),
        scan=scan,
    )


def _verdict(case: Case, causes: Sequence[Cause], scan: ScanSeen | None) -> Verdict:
    if case.run.status == "canceled":
        return "canceled"
    if case.run.status == "failed":
        return "failed"
    return "attention" if causes or (scan and scan.mend) else "succeeded"


def _category(case: Case, scan: ScanSeen | None) -> Category:
    if case.run.status == "succeeded":
        return "findings" if scan and scan.mend else "none"
    if case.run.status == "failed" and vanished(case):
        return "crash"
    return family_of(code_of(case.manifest.error))[0].category


def _summary(case: Case, category: Category, causes: Sequence[Cause], scan: ScanSeen | None, spent: Spent) -> str:
    run, count = case.run, len(began(case))
    name = run.template_key or "The run"
    took = f" in {lasting(spent.total)}" if spent.total is not None else ""
    if run.status == "canceled":
        return f"{name} was canceled on request after {_attempts(count)}{took}."
    if run.status == "failed":
        code = "its worker vanished" if category == "crash" and vanished(case) else code_of(case.manifest.error)
        named = f"{name} failed after {_attempts(count)}{took}: {code}, {_FAULTS.get(category, category)}."
        alike = (cause.explanation.partition(":")[0] for cause in causes if cause.code == "attempts.alike")
        return " ".join((named, *(f"{said}." for said in alike)))
    said = f"{name} succeeded with {_attempts(count)}{took}, most of it {_most(spent)}."
    if scan is not None:
        return f"{said} {_scanned(scan)}"
    if name == SCAN:
        return f"{said} Its findings cannot be read."
    stood_out = ", ".join(each.code for each in causes[:3])
    return f"{said} {f'What stood out: {stood_out}.' if causes else 'Nothing stood out.'}"


def _attempts(count: int) -> str:
    return f"{count} attempt{'s' if count != 1 else ''}"


def _most(spent: Spent) -> str:
    parts = {"queued": spent.queued or 0.0, "running": spent.running, "between attempts": spent.waiting}
    parts["in attempts that were lost"] = spent.lost
    return max(parts, key=lambda name: parts[name])


def _scanned(scan: ScanSeen) -> str:
    counts = [
        (severity, sum(getattr(each, severity) for each in scan.checks)) for severity in ("high", "medium", "low")
    ]
    found = ", ".join(f"{count} {severity}" for severity, count in counts if count)
    if not scan.mend:
        return f"The scan's score is {scan.score} of 100: nothing to mend."
    best = scan.mend[-1].score_after
    first = f"mend {scan.mend[0].id} first"
    return (
        f"The scan's score is {scan.score} of 100 with findings {found}; {first}, {len(scan.mend)} mends give {best}."
    )


def _steps(case: Case, causes: Sequence[Cause], scan: ScanSeen | None) -> Iterator[str]:
    disabled = (cause.evidence for cause in causes if cause.code == "template.disabled")
    for key in (key for evidence in disabled for key in DISABLED.findall(evidence)):
        yield f"Enable {key}: PUT /v1/templates/{key}, or name it in JOBFORGE_ENABLED_TEMPLATES."
    if case.run.status != "succeeded" and not vanished(case):
        yield family_of(code_of(case.manifest.error))[0].remedy
    for cause in causes:
        if cause.code in _STEPS:
            yield _STEPS[cause.code].replace("RUN", str(case.run.id))
    if case.run.status != "succeeded" and case.enabled is False:
        yield f"Enable {case.run.template_key}, which is off now, before the run is requested or replayed."
    if case.run.status == "failed":
        yield from _again(case.manifest)
    for mend in scan.mend if scan else ():
        gain = f"score {mend.score_before} → {mend.score_after}"
        yield f"Mend {mend.id} ({mend.severity}; {gain}): {mend.message}"


def _again(manifest: RunManifest) -> Iterator[str]:
    letter = manifest.error.dead_letter if manifest.error else None
    if letter and POSITION.fullmatch(letter):
        yield f"See the request as it was set aside: jobforge dlq show {letter}"
        yield f"When the cause is mended, see what a replay would do: jobforge dlq replay {letter} --dry-run"
        yield f"Run it again, as a new run: jobforge dlq replay {letter}"
