"""What is known of a run that is to be explained."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobforge.autopilot.scanning.results import Check
from jobforge.contracts.jobs import Job as Run
from jobforge.contracts.manifest import RunManifest

SCAN = "autopilot.ops.scan"


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the run's trace, without its payload."""

    at: datetime | None
    event_type: str
    source_app: str


@dataclass(frozen=True, slots=True)
class Case:
    """A run that has ended, and what stands around it."""

    run: Run
    manifest: RunManifest
    events: Sequence[Event] = ()
    others: Sequence[Run] = ()
    """Other runs of the trace, but for the one that diagnoses."""
    limit: timedelta | None = None
    """What the template grants an attempt now; None if the catalog cannot be read."""
    enabled: bool | None = None
    """Whether the template may be requested now."""
    checks: Sequence[Check] = field(default=())
    """What a scan found."""
