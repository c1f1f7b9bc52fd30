"""Job records that cannot be read: put aside byte for byte, and the run that the key names ends."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from jobforge.chassis import metrics
from jobforge.chassis.metrics import child
from jobforge.chassis.wire import Record
from jobforge.contracts.delivery import Delivery
from jobforge.contracts.identity import parse_run_key
from jobforge.contracts.reading import Unreadable
from jobforge.contracts.topics import DEAD_LETTERS
from jobforge.execution.outcomes import Outcomes
from jobforge.execution.policy import UNKNOWN_VERSION_WAITS
from jobforge.execution.retry import tier_for
from jobforge.execution.runner import Runner

log = structlog.get_logger()

VERSION_UNKNOWN = "record.version_unknown"
LOOK_AGAIN = timedelta(seconds=30)
"""How long a record of a newer version waits before it is tried again."""


class Poison:
    """What becomes of records that no worker of this version can read."""

    def __init__(self, domain: str, runner: Runner, outcomes: Outcomes) -> None:
        self._dead_letters = DEAD_LETTERS.named(domain)
        self._runner = runner
        self._outcomes = outcomes

    async def refuse(self, record: Record, why: Unreadable) -> None:
        """Let a newer version wait for a worker that knows it, for a while; everything else is a dead letter."""
        delivery = Delivery.of(record.headers)
        now = datetime.now(UTC)
        parked_at = delivery.parked_at or now
        if why.reason == VERSION_UNKNOWN and now - parked_at < UNKNOWN_VERSION_WAITS:
            log.info("record.parked", reason=why.reason, topic=record.topic, offset=record.offset)
            waiting = Delivery(
                attempt=delivery.attempt,
                not_before=now + LOOK_AGAIN,
                return_to=record.topic,
                forgiven=delivery.forgiven,
                parked_at=parked_at,
            )
            try:
                await self._outcomes.passed_on(record, tier_for(LOOK_AGAIN).topic.name, waiting)
                return
            except Unreadable as too_large:
                why = too_large
        named: tuple[str, UUID] | None = parse_run_key(record.key)
        log.warning(
            "record.unreadable",
            reason=why.reason,
            run_id=named and str(named[1]),
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
        )
        await self._outcomes.set_aside(record, self._dead_letters, why.reason, why.detail)
        child(metrics.DEAD_LETTERS, why.reason).inc()
        if named is not None:
            end = self._runner.unreadable(*named, why.reason, why.detail)
            await self._outcomes.happened(self._outcomes.place(*named), end.to_bytes())
