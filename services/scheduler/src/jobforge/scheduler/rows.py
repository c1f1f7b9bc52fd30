"""What the view's row says about an unfinished run, as far as its end is concerned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self, TypeVar
from uuid import UUID

from pydantic import ValidationError

from jobforge.chassis.view_names import CANCEL, MANIFEST, REQUEST, RUN
from jobforge.contracts.base import Instant, Value
from jobforge.contracts.jobs import JobStatus

M = TypeVar("M", bound=Value)

FIELDS = (REQUEST, RUN, MANIFEST, CANCEL)
"""What is read of a row, in the order that ``OpenRun.of`` takes it."""


class Accepted(Value):
    """The request, and where its record stands (None in a row that an older projection wrote)."""

    template_key: str
    requested_at: Instant
    start_by: Instant | None = None
    topic: str | None = None
    offset: int | None = None


class Begun(Value):
    """One start of an attempt; ``deadline`` is when its template's time is over."""

    number: int
    claim: str
    worker: str
    started_at: Instant
    deadline: Instant | None = None


class Lived(Value):
    """What happened to the run so far."""

    status: JobStatus | None = None
    attempt: int = 0
    starts: tuple[Begun, ...] = ()
    deadline: Instant | None = None
    cancel_requested: bool = False


@dataclass(frozen=True, slots=True)
class OpenRun:
    """One member of the open runs: ``request`` is None when the row has none, ``ended`` when it has a manifest."""

    tenant_id: str
    run_id: UUID
    request: Accepted | None
    lived: Lived
    ended: bool
    cancel: bool

    @classmethod
    def of(cls, tenant_id: str, run_id: UUID, fields: Sequence[bytes | None]) -> Self:
        """From a row's ``FIELDS``; what cannot be read counts as absent."""
        request, run, manifest, cancel = fields
        lived = _read(Lived, run) or Lived()
        return cls(
            tenant_id=tenant_id,
            run_id=run_id,
            request=_read(Accepted, request),
            lived=lived,
            ended=manifest is not None,
            cancel=cancel is not None or lived.cancel_requested,
        )

    @property
    def started(self) -> bool:
        """Whether any attempt ever began."""
        return self.lived.status is not None and (self.lived.attempt > 0 or bool(self.lived.starts))

    @property
    def running(self) -> bool:
        """Whether an attempt began and nothing was heard of its end."""
        return self.lived.status == "running"

    @property
    def deadline(self) -> datetime | None:
        """When the time of the newest attempt is over."""
        if self.lived.deadline is not None:
            return self.lived.deadline
        start = self.last_start
        return start.deadline if start is not None and start.number >= self.lived.attempt else None

    @property
    def last_start(self) -> Begun | None:
        """The newest start of the newest attempt that the row remembers."""
        return max(self.lived.starts, key=lambda start: (start.number, start.started_at), default=None)


def _read(model: type[M], text: bytes | None) -> M | None:
    if text is None:
        return None
    try:
        return model.model_validate_json(text)
    except ValidationError:
        return None
