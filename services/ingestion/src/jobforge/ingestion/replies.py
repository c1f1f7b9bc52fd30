"""What the caller of an accepted request is told: written while its record is on its way, since that takes longer."""

from collections.abc import Callable

from pydantic import BaseModel

from jobforge.chassis.wire import Position
from jobforge.contracts.jobs import JobAccepted, JobRequested
from jobforge.ingestion.outgoing import queued_job

_HOLE = b'"as_of":"@"'
"""Nothing that a caller says holds this: the quotation marks of its texts are escaped."""


class Reply:
    """A message as JSON, all but where its record stands, if it says that."""

    def __init__(self, told: Callable[[], BaseModel]) -> None:
        self._told = told
        self._parts: tuple[bytes, bytes, bytes] | None = None

    def prepare(self) -> tuple[bytes, bytes, bytes]:
        """Write what is known before the record stands in the log: until the position, its place, and the rest."""
        if self._parts is None:
            self._parts = self._told().model_dump_json().encode().partition(_HOLE)
        return self._parts

    def at(self, position: Position) -> bytes:
        """The whole of it."""
        before, hole, after = self.prepare()
        return before + (b'"as_of":"%b"' % str(position).encode() if hole else b"") + after


def accepted(job: JobRequested) -> JobAccepted:
    """The answer to an accepted job, with a hole where its record's position goes."""
    return JobAccepted(job=queued_job(job, as_of="@"), trace_id=job.trace_id, dry_run=job.dry_run)
