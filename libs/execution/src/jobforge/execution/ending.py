"""How an attempt's result is written: an end, another attempt, or a dead letter and then an end."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from jobforge.chassis import metrics
from jobforge.chassis.metrics import child
from jobforge.chassis.spans import SpanContext
from jobforge.contracts.jobs import JobError, JobRequested
from jobforge.contracts.runs import RunCanceled, RunFailed, RunRetrying, RunStarted, RunSucceeded
from jobforge.contracts.topics import DEAD_LETTERS
from jobforge.execution.case import Case
from jobforge.execution.outcomes import MAX_OUTCOME_BYTES, Outcomes, Place
from jobforge.execution.policy import Again, Ending, after_failure
from jobforge.execution.retry import tier_for
from jobforge.execution.runner import Failed, Runner, stand_in

log = structlog.get_logger()


class Endings:
    """Writes results; each method returns once Kafka has acknowledged everything."""

    def __init__(self, domain: str, runner: Runner, outcomes: Outcomes) -> None:
        self._dead_letters = DEAD_LETTERS.named(domain)
        self._runner = runner
        self._outcomes = outcomes

    async def write(
        self,
        result: RunSucceeded | Failed,
        case: Case,
        started: RunStarted,
        *,
        span: SpanContext,
    ) -> str | None:
        """Write a result of the attempt that ``span`` timed; returns the error's code, or None for success."""
        if isinstance(result, RunSucceeded):
            await self.end(case.place, result)
            _measure(case.requested, result, result.type)
            return None
        step = after_failure(
            result.failure,
            attempt=started.attempt,
            attempts=case.requested.attempts,
            forgiven=case.delivery.forgiven,
            first_delay=self._runner.backoff(case.requested.template_key),
            chance=random.random(),  # noqa: S311 - jitter, no secret
        )
        match step:
            case Again(delay):
                await self._again(result, case, started, delay=delay, span=span)
                _measure(case.requested, result.outcome, "RunRetrying")
            case Ending.SPENT:
                await self._spent(result.outcome, case)
                _measure(case.requested, result.outcome, "RunFailed")
            case Ending.AS_IT_IS:
                await self.end(case.place, result.outcome)
                _measure(case.requested, result.outcome, "RunFailed")
        return result.outcome.error.code

    async def end(self, place: Place, outcome: RunSucceeded | RunFailed | RunCanceled) -> None:
        """Write a run's end; one that no record can hold has a stand-in, since every run ends."""
        try:
            value = outcome.to_bytes()
        except Exception as why:
            log.error("outcome.unwritable", run_id=str(outcome.run_id), exc_info=why)
            value = stand_in(outcome, f"the outcome cannot be written: {type(why).__name__}: {why}").to_bytes()
        for inputs in (True, False):
            if len(value) > MAX_OUTCOME_BYTES:
                value = stand_in(outcome, f"the outcome takes {len(value)} bytes", inputs=inputs).to_bytes()
        await self._outcomes.happened(place, value)

    async def _again(
        self, failed: Failed, case: Case, started: RunStarted, *, delay: timedelta, span: SpanContext
    ) -> None:
        """The next attempt is in its retry topic before anybody is told of it."""
        not_before = datetime.now(UTC) + delay
        after = replace(
            case.delivery,
            attempt=started.attempt + 1,
            not_before=not_before,
            return_to=case.record.topic,
            forgiven=case.delivery.forgiven or failed.failure.unforeseen,
            parked_at=None,
            error=failed.outcome.error.code,
            previous=span.traceparent(),
        )
        tier = tier_for(delay)
        await self._outcomes.passed_on(case.record, tier.topic.name, after)
        child(metrics.JOB_RETRIES, failed.outcome.error.code).inc()
        log.info("run.retrying", code=failed.outcome.error.code, next_attempt=after.attempt, tier=tier.topic.name)
        retrying = RunRetrying(
            run_id=started.run_id,
            tenant_id=started.tenant_id,
            attempt=started.attempt,
            claim=started.claim,
            worker=started.worker,
            started_at=started.started_at,
            finished_at=failed.outcome.finished_at,
            error=failed.outcome.error,
            next_attempt=after.attempt,
            not_before=not_before,
        )
        await self._outcomes.happened(case.place, retrying.to_bytes())

    async def _spent(self, outcome: RunFailed, case: Case) -> None:
        """The dead letter is acknowledged before the run ends: an end without it could not be replayed."""
        last = outcome.error
        detail = f"{outcome.attempt} attempts were used; the last one failed with {last.code}: {last.message}"
        at = await self._outcomes.set_aside(
            case.record, self._dead_letters, "job.attempts_exhausted", detail, cause=last.code
        )
        child(metrics.DEAD_LETTERS, "job.attempts_exhausted").inc()
        spent = JobError(
            code="job.attempts_exhausted",
            message=detail,
            retryable=False,
            cause={"code": last.code, "message": last.message},
            dead_letter=str(at),
        )
        await self.end(case.place, outcome.model_copy(update={"error": spent}))


def _measure(requested: JobRequested, outcome: RunSucceeded | RunFailed, kind: str) -> None:
    key = requested.template_key if outcome.request is not None else "unknown"
    child(metrics.JOB_ATTEMPTS, key, kind).inc()
    if outcome.started_at is not None:
        waited = (outcome.started_at - requested.requested_at).total_seconds()
        ran = (outcome.finished_at - outcome.started_at).total_seconds()
        child(metrics.JOB_QUEUE_WAIT_SECONDS, key).observe(max(waited, 0))
        child(metrics.JOB_RUN_SECONDS, key).observe(ran)
