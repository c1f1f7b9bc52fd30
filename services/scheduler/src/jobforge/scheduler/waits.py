"""How long a record in a retry topic has to wait, and where it goes then."""

import re
from datetime import datetime, timedelta

from jobforge.chassis.wire import Headers
from jobforge.contracts.delivery import NOT_BEFORE, RETURN_TO, Delivery
from jobforge.contracts.topics import JOBS, RETRY_TIERS, SLOW_JOBS

TIERS = {tier.topic.name: tier.delay for tier in RETRY_TIERS}
"""Every retry topic, and the longest that a record may wait in it."""
_JOBS_TOPICS = re.compile(f"{JOBS.pattern}|{SLOW_JOBS.pattern}")
_WAITED = frozenset({NOT_BEFORE, RETURN_TO})


def wait_of(delivery: Delivery, now: datetime, longest: timedelta) -> timedelta:
    """What is left to wait at ``now``: never negative, and whatever the clocks say at most ``longest``."""
    if delivery.not_before is None:
        return timedelta()
    return min(max(delivery.not_before - now, timedelta()), longest)


def way_back(delivery: Delivery) -> str | None:
    """The jobs topic that the record came from, or None when its headers name none."""
    named = delivery.return_to
    return named if named is not None and _JOBS_TOPICS.fullmatch(named) else None


def after_waiting(headers: Headers) -> Headers:
    """The same headers without those that were about the wait; attempt, error and trace travel on."""
    return tuple(header for header in headers if header[0] not in _WAITED)
