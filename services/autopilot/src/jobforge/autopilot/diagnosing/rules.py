"""The rules that explain a run: each looks at what is known of it, and may name a cause."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from jobforge.autopilot.diagnosing.case import Case
from jobforge.autopilot.diagnosing.families import family_of
from jobforge.autopilot.diagnosing.results import Cause
from jobforge.autopilot.diagnosing.timeline import (
    SPENT,
    began,
    code_of,
    lasting,
    message_of,
    quoted,
    ran_for,
    time_spent,
    vanished,
)
from jobforge.contracts.jobs import JobError

DISABLED = re.compile(r"Template is disabled: ([a-z0-9_]+(?:\.[a-z0-9_]+)+)")
"""As the door words it, and as it comes back in the errors of whoever asked the door."""
NEAR = 0.8
"""Share of its time limit from which an attempt was close to it."""
_LONG_QUEUE = timedelta(seconds=5).total_seconds()
_SHARE = 0.5

Rule = Callable[[Case], Iterator[Cause]]


def errors_of(case: Case) -> list[JobError]:
    """The errors of the attempts in order; without an attempt, that of the run."""
    found = [each.error for each in began(case) if each.error is not None]
    return found or ([case.manifest.error] if case.manifest.error else [])


def lost_attempts(case: Case) -> int:
    """How many attempts began and never reported."""
    return sum(each.outcome == "lost" or each.finished_at is None for each in began(case))


def its_error(case: Case) -> Iterator[Cause]:
    """What the run itself says."""
    error = case.manifest.error
    if error is None or vanished(case):
        return
    family, confidence = family_of(code_of(error))
    explanation = family.explanation
    if family.category == "unknown":
        passing = error.retryable or error.code == SPENT
        explanation += " Its template held another try for worth it." if passing else " Its template held it for final."
    yield Cause(code=code_of(error), confidence=confidence, explanation=explanation, evidence=quoted(error))


def vanished_worker(case: Case) -> Iterator[Cause]:
    """The last attempt was ended from outside."""
    if vanished(case):
        explanation = "The worker of the last attempt vanished: it crashed, was killed or lost the plane."
        yield Cause(
            code="worker.vanished", confidence="certain", explanation=explanation, evidence=quoted(case.manifest.error)
        )


def lost_workers(case: Case) -> Iterator[Cause]:
    """Attempts without an outcome."""
    if lost := lost_attempts(case):
        yield Cause(
            code="worker.crashed",
            confidence="likely",
            explanation="A worker crashed, was killed (as for want of memory) or was restarted amid the work.",
            evidence=f"{lost} of {len(began(case))} attempts began and never reported",
        )


def disabled_template(case: Case) -> Iterator[Cause]:
    """A template that the run needs is off."""
    named = {found for error in errors_of(case) for found in DISABLED.findall(message_of(error))}
    for key in sorted(named):
        explanation = f"The template {key}, which the run needs, was off."
        evidence = f"Template is disabled: {key}"
        yield Cause(code="template.disabled", confidence="certain", explanation=explanation, evidence=evidence)


def alike_or_not(case: Case) -> Iterator[Cause]:
    """Whether the attempts failed for one reason."""
    counts = Counter(code_of(error) for error in errors_of(case))
    if counts.total() < 2 or case.run.status != "failed":
        return
    evidence = ", ".join(f"{code} ({count})" for code, count in counts.most_common())
    if len(counts) == 1:
        which = "All attempts that reported" if lost_attempts(case) else "All attempts"
        explanation = f"{which} failed alike: more would hardly have helped, something has to change first."
        yield Cause(code="attempts.alike", confidence="likely", explanation=explanation, evidence=evidence)
    else:
        explanation = "The attempts failed in different ways: something is unsteady, or several things are wrong."
        yield Cause(code="attempts.differ", confidence="possible", explanation=explanation, evidence=evidence)


def near_the_limit(case: Case) -> Iterator[Cause]:
    """An attempt that took nearly all the time it may take."""
    longest = max(ran_for(began(case)), default=0.0)
    limit = case.limit.total_seconds() if case.limit else None
    if limit is None or longest < NEAR * limit or vanished(case):
        return
    timed_out = any(code_of(error).endswith("timeout") for error in errors_of(case))
    explanation = (
        "The work is as long as its time limit: it is too much for one run, or something it waits for is too slow."
        if timed_out
        else "An attempt came close to its time limit; a little more work would not have ended in time."
    )
    yield Cause(
        code="limit.near",
        confidence="likely" if timed_out else "possible",
        explanation=explanation,
        evidence=f"the longest attempt ran {lasting(longest)}, the template now grants {lasting(limit)}",
    )


def long_queue(case: Case) -> Iterator[Cause]:
    """The wait before the first attempt was most of the time."""
    spent = time_spent(case)
    if not spent.queued or not spent.total or spent.queued < max(_LONG_QUEUE, _SHARE * spent.total):
        return
    expired = code_of(case.manifest.error) == "job.expired"
    yield Cause(
        code="queue.long",
        confidence="likely" if expired else "possible",
        explanation="Most of the time was spent in the queue: the service was down, or had too much to do.",
        evidence=f"{lasting(spent.queued)} of {lasting(spent.total)} in the queue",
    )


def earlier_failures(case: Case) -> Iterator[Cause]:
    """Other runs of the trace that had failed before this one did."""
    ended = case.manifest.timings.finished_at if case.run.status == "failed" else None
    for other in case.others:
        if other.status == "failed" and ended and other.finished_at and other.finished_at <= ended:
            explanation = f"Another run of the trace, {other.template_key}, failed before: this one may have needed it."
            evidence = f"run {other.id}: {quoted(other.error)}"
            yield Cause(code="trace.earlier_failure", confidence="possible", explanation=explanation, evidence=evidence)


def tried_again(case: Case) -> Iterator[Cause]:
    """A run that succeeded only after failures."""
    if case.run.status == "succeeded" and (errors := errors_of(case)):
        waited = lasting(time_spent(case).waiting)
        yield Cause(
            code="attempts.needed",
            confidence="certain",
            explanation=f"It took {len(began(case))} attempts; the waits between them came to {waited}.",
            evidence=quoted(errors[-1]),
        )


def warnings(case: Case) -> Iterator[Cause]:
    """Outputs that carry warnings; they are counted, not copied."""
    said = (case.manifest.outputs or {}).get("warnings")
    if isinstance(said, list) and said:
        evidence = f"outputs.warnings holds {len(said)}"
        yield Cause(
            code="outputs.warnings", confidence="certain", explanation="The run warns of something.", evidence=evidence
        )


RULES: Sequence[Rule] = (
    vanished_worker,
    its_error,
    disabled_template,
    lost_workers,
    alike_or_not,
    near_the_limit,
    long_queue,
    tried_again,
    warnings,
    earlier_failures,
)
