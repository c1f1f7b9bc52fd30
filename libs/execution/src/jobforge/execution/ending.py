"""How an attempt's result is written: an end, another attempt, or a dead letter and then an end."""

import random
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from jobforge.chassis import metrics
from jobforge.chassis.metrics import child
from jobforge.chassis.wire import Record
from jobforge.contracts.delivery import Delivery
from jobforge.contracts.jobs import JobError, JobRequested
from jobforge.contracts.runs import RunCanceled, RunFailed, RunRetrying, RunStarted, RunSucceeded
from jobforge.contracts.topics import DEAD_LETTERS
from jobforge.execution.outcomes import MAX_OUTCOME_BYTES, Outcomes
from jobforge.execution.policy import Again, Ending, after_failure
from jobforge.execution.retry import tier_for
from jobforge.execution.runner import Failed, Runner, too_large

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
        record: Record,
        requested: JobRequested,
        started: RunStarted,
        *,
        traceparent: str,
    ) -> str | None:
        """Write a result; returns the error's code, or None for success."""
        if isinstance(result, RunSucceeded):
            await self.end(result)
            _measure(requested, result, result.type)
            return None
        delivery = Delivery.of(record.headers)
        step = after_failure(
            result.failure,
            attempt=started.attempt,
            attempts=requested.attempts,
            forgiven=delivery.forgiven,
            first_delay=self._runner.backoff(requested.template_key),
            chance=random.random(),  # noqa: S311 - jitter, no secret
        )
        match step:
            case Again(delay):
                await self._again(
                    result, record, started, delay_until=datetime.now(UTC) + delay, traceparent=traceparent
                )
                _measure(requested, result.outcome, "RunRetrying")
            case Ending.SPENT:
                await self._spent(result.outcome, record)
                _measure(requested, result.outcome, "RunFailed")
            case Ending.AS_IT_IS:
                await self.end(result.outcome)
                _measure(requested, result.outcome, "RunFailed")
        return result.outcome.error.code

    async def end(self, outcome: RunSucceeded | RunFailed | RunCanceled) -> None:
        """Write a run's end."""
        value = outcome.to_bytes()
        if len(value) > MAX_OUTCOME_BYTES:
            value = too_large(outcome, len(value)).to_bytes()
        await self._outcomes.happened(outcome.tenant_id, outcome.run_id, value)

    async def _again(
        self, failed: Failed, record: Record, started: RunStarted, *, delay_until: datetime, traceparent: str
    ) -> None:
        """The next attempt is in its retry topic before anybody is told of it."""
        before = Delivery.of(record.headers)
        after = replace(
            before,
            attempt=started.attempt + 1,
            not_before=delay_until,
            return_to=record.topic,
            forgiven=before.forgiven or failed.failure.unforeseen,
            parked_at=None,
            error=failed.outcome.error.code,
            previous=traceparent,
        )
        tier = tier_for(delay_until - datetime.now(UTC))
        await self._outcomes.passed_on(record, tier.topic.name, after)
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
            not_before=delay_until,
        )
        await self._outcomes.happened(started.tenant_id, started.run_id, retrying.to_bytes())

    async def _spent(self, outcome: RunFailed, record: Record) -> None:
        """The dead letter is acknowledged before the run ends: an end without it could not be replayed."""
        last = outcome.error
        detail = f"{outcome.attempt} attempts were used; the last one failed with {last.code}: {last.message}"
        at = await self._outcomes.set_aside(
            record, self._dead_letters, "job.attempts_exhausted", detail, cause=last.code
        )
        child(metrics.DEAD_LETTERS, "job.attempts_exhausted").inc()
        spent = JobError(
            code="job.attempts_exhausted",
            message=detail,
            retryable=False,
            cause={"code": last.code, "message": last.message},
            dead_letter=str(at),
        )
        await self.end(outcome.model_copy(update={"error": spent}))


def _measure(requested: JobRequested, outcome: RunSucceeded | RunFailed, kind: str) -> None:
    key = requested.template_key if outcome.request is not None else "unknown"
    child(metrics.JOB_ATTEMPTS, key, kind).inc()
    if outcome.started_at is not None:
        waited = (outcome.started_at - requested.requested_at).total_seconds()
        ran = (outcome.finished_at - outcome.started_at).total_seconds()
        child(metrics.JOB_QUEUE_WAIT_SECONDS, key).observe(max(waited, 0))
        child(metrics.JOB_RUN_SECONDS, key).observe(ran)
