"""The names of everything the view keeps in Redis."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from jobforge.chassis.view_names import CANCEL, MANIFEST, REQUEST, RUN, STARTS, WATERMARKS, open_runs, row, watermark

__all__ = ["CANCEL", "MANIFEST", "REQUEST", "RUN", "STARTS", "WATERMARKS", "open_runs", "row", "watermark"]

FINISHED_KEPT = timedelta(days=7)
"""How long a finished run stays; then reads fall through to the archive."""
UNFINISHED_KEPT = timedelta(days=38)
"""A little longer than the log, which could not rebuild the row afterwards: 30 days, and up to 7 more until all that
shares a segment with the request is as old. So a run is still known when its request is gone, and can be ended."""
EVENTS_KEPT = timedelta(days=7)
"""As long as the topics they are read from."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MEMBER = len(row("", "")) - 1


def changed(database: int) -> str:
    """Channel: messages with a line for each applied batch, ``<topic>/<partition> <watermark> <row> <row> ...``.

    Channels are shared by all databases of a Redis, so this one is named by its own.
    """
    return f"jobforge:changed:{database}"


def runs_of(tenant_id: str) -> str:
    """Sorted set of a tenant's runs by ``moment``."""
    return f"jobforge:runs:{tenant_id}"


def event(tenant_id: str, event_id: UUID | str) -> str:
    """Hash of one event: ``facts`` to filter by, and ``body``."""
    return f"jobforge:event:{tenant_id}:{event_id}"


def events_of(tenant_id: str) -> str:
    """Sorted set of a tenant's events by ``moment``."""
    return f"jobforge:events:{tenant_id}"


def runs_of_trace(tenant_id: str, trace_id: str) -> str:
    """Sorted set of the runs that share a trace, by ``moment``."""
    return f"jobforge:trace-runs:{tenant_id}:{trace_id}"


def events_of_trace(tenant_id: str, trace_id: str) -> str:
    """Sorted set of the events that share a trace, by ``moment``."""
    return f"jobforge:trace-events:{tenant_id}:{trace_id}"


def member(row: str) -> str:
    """The run key of a row."""
    return row[_MEMBER:]


def run_of(row: str) -> tuple[str, str]:
    """The tenant and the run of a row."""
    tenant_id, _, run_id = row[_MEMBER:].partition(":")
    return tenant_id, run_id


def microseconds(at: datetime) -> int:
    """Since the epoch."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(at: datetime, name: UUID | str = "") -> str:
    """A member that sorts by time (microseconds since the epoch) and then by name."""
    return f"{max(0, microseconds(at)):017d}:{name}"


def named(member: str) -> str:
    """The name in a member that ``moment`` made."""
    return member.partition(":")[2]
