"""What the caller of an accepted request is told: written while its record is on its way, since that takes longer."""

from jobforge.chassis.wire import Position
from jobforge.contracts.envelope import EventReceipt
from jobforge.contracts.jobs import JobAccepted, JobRequested
from jobforge.ingestion.outgoing import queued_job

_HOLE = b'"as_of":"@"'
"""Nothing that a caller says holds this: the quotation marks of its texts are escaped."""


class JobReply:
    """A ``JobAccepted`` as JSON, all but where its record stands."""

    def __init__(self, job: JobRequested) -> None:
        self._job = job
        self._parts: tuple[bytes, bytes] | None = None

    def prepare(self) -> None:
        """Write what is known before the record stands in the log."""
        self._prepared()

    def at(self, position: Position) -> bytes:
        """The whole of it."""
        before, after = self._prepared()
        return b'%b"as_of":"%b"%b' % (before, str(position).encode(), after)

    def _prepared(self) -> tuple[bytes, bytes]:
        if self._parts is None:
            job = self._job
            told = JobAccepted(job=queued_job(job, as_of="@"), trace_id=job.trace_id, dry_run=job.dry_run)
            before, _, after = told.model_dump_json().encode().partition(_HOLE)
            self._parts = before, after
        return self._parts


class EventReply:
    """An ``EventReceipt`` as JSON."""

    def __init__(self, receipt: EventReceipt) -> None:
        self._receipt = receipt
        self._written: bytes | None = None

    def prepare(self) -> None:
        """Write it."""
        self._written = self._receipt.model_dump_json().encode()

    def at(self, position: Position) -> bytes:
        """The whole of it, wherever the record stands."""
        if self._written is None:
            self.prepare()
        assert self._written is not None
        return self._written


Reply = JobReply | EventReply
