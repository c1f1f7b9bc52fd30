"""One job record with everything that was read from it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from jobforge.chassis.wire import Record
from jobforge.contracts.delivery import Delivery
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RequestSnapshot
from jobforge.execution.outcomes import Place


class Case(NamedTuple):
    """A request to bring to its outcome; ``place`` is where its run's records stand."""

    record: Record
    delivery: Delivery
    requested: JobRequested
    snapshot: RequestSnapshot
    place: Place

    @property
    def born(self) -> datetime | None:
        """When the run can have begun to exist at the earliest; None: its key may be of any age."""
        if self.requested.key_made_at is None:
            return None
        return min(self.requested.key_made_at, datetime.fromtimestamp(self.record.timestamp / 1000, UTC))

    def waiting(self, delay: timedelta) -> Delivery:
        """The same attempt, that long from now."""
        return replace(self.delivery, not_before=datetime.now(UTC) + delay, return_to=self.record.topic)
