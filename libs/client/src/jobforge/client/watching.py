"""Following a run's state changes over server-sent events, through broken connections, with no I/O of its own."""

from typing import Any
from uuid import UUID

from httpx_sse import ServerSentEvent, SSEError
from pydantic import ValidationError

from jobforge.client.errors import JobForgeError, JobForgeUnavailable, JobForgeUnexpectedAnswer
from jobforge.client.exchange import Call, segment
from jobforge.client.repeats import Deadline
from jobforge.contracts.jobs import Job

SILENCE = 90.0
"""Seconds without a byte after which a connection counts as dead; the plane sends a comment more often."""
_LONGEST_PAUSE = 5.0


class Watch:
    """What is known while one run is watched: the last state, where to resume, and how long to bear failures."""

    def __init__(self, job_id: UUID | str, tenant_id: str, *, patience: float) -> None:
        self._path = f"/v1/runs/{segment(job_id)}/events"
        self._tenant_id = tenant_id
        self._patience = patience
        self._trouble: Deadline | None = None
        self._pause = 0.1
        self._last_id = ""
        self._job: Job | None = None

    @property
    def ended(self) -> bool:
        """Whether the terminal state was seen."""
        return self._job is not None and self._job.is_terminal

    def call(self) -> Call[None]:
        """The request that opens the stream, or opens it again after what was seen."""
        headers = {"last-event-id": self._last_id} if self._last_id else {}
        return Call(
            "GET",
            self._path,
            lambda reply: None,
            door="query",
            params={"tenant_id": self._tenant_id},
            headers={"accept": "text/event-stream", "cache-control": "no-store", **headers},
            patience=SILENCE,
        )

    def seen(self, event: ServerSentEvent) -> Job | None:
        """The state in an event, or None when it says nothing new."""
        self._trouble, self._pause = None, 0.1
        self._last_id = event.id or self._last_id
        if not event.data.strip():
            return None
        try:
            job = Job.model_validate_json(event.data)
        except ValidationError as error:
            raise JobForgeUnexpectedAnswer(
                f"the event stream holds what is not a job: {error}", code="client.unexpected_answer"
            ) from error
        known, self._job = self._job, job
        repeated = known is not None and known.model_copy(update={"as_of": job.as_of}) == job
        return None if repeated else job

    def interrupted(self, error: JobForgeError | SSEError | None = None) -> float:
        """Seconds to pause before the stream is opened again; raises when it has been broken for too long."""
        if isinstance(error, SSEError):
            raise JobForgeUnexpectedAnswer(str(error), code="client.unexpected_answer") from error
        if isinstance(error, JobForgeError) and not error.transient:
            raise error
        self._trouble = self._trouble or Deadline(self._patience)
        if self._trouble.left() <= 0:
            raise error or JobForgeUnavailable("the event stream keeps breaking off", code="client.connection_lost")
        asked: Any = getattr(error, "retry_after", None)
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST_PAUSE)
        return min(asked if asked is not None else pause, self._trouble.left() + 0.01)
