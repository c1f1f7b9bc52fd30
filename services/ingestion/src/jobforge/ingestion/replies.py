"""What the caller of an accepted request is told: written while its record is on its way, since that takes longer."""

from collections.abc import Callable
from uuid import UUID

from jobforge.chassis.wire import Position
from jobforge.contracts.base import unchecked, written
from jobforge.contracts.envelope import EventReceipt
from jobforge.contracts.jobs import JobAccepted, JobRequested
from jobforge.ingestion.outgoing import queued_job

_job_accepted, _event_receipt = unchecked(JobAccepted), unchecked(EventReceipt)

_HOLE = b'"as_of":"@"'
"""Nothing that a caller says holds this: the quotation marks of its texts are escaped."""


class Reply:
    """A message as JSON, all but where its record stands, if it says that."""

    def __init__(self, told: Callable[[], bytes]) -> None:
        self._told = told
        self._parts: tuple[bytes, bytes, bytes] | None = None

    def prepare(self) -> tuple[bytes, bytes, bytes]:
        """Write what is known before the record stands in the log: until the position, its place, and the rest."""
        if self._parts is None:
            self._parts = self._told().partition(_HOLE)
        return self._parts

    def at(self, position: Position) -> bytes:
        """The whole of it."""
        before, hole, after = self.prepare()
        return before + (b'"as_of":"%b"' % str(position).encode() if hole else b"") + after


def accepted(job: JobRequested) -> bytes:
    """``JobAccepted`` as JSON, with a hole where its record's position goes."""
    told = _job_accepted(job=queued_job(job, as_of="@"), trace_id=job.trace_id, dry_run=job.dry_run)
    return written(told, job.requested_at)


def receipt(event_id: UUID, trace_id: str) -> bytes:
    """``EventReceipt`` as JSON."""
    return written(_event_receipt(event_id=event_id, trace_id=trace_id))
