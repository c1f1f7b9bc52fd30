"""What a call can fail with."""

from collections.abc import Mapping
from typing import Any

from jobforge.contracts.problem import FieldProblem, Problem


class JobForgeError(Exception):
    """A call failed.

    ``code`` is stable, ``message`` is for people, ``status`` is the HTTP status (None without an answer) and
    ``problem`` the whole problem document (None when there was none).
    """

    transient = False
    """Whether the same call may succeed a little later."""

    def __init__(
        self, message: str, *, code: str, status: int | None = None, problem: Problem | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.problem = problem
        self.details = more

    @property
    def trace_id(self) -> str | None:
        """The trace of the refused call, if the answer named one."""
        return self.problem.trace_id if self.problem else None

    @property
    def errors(self) -> tuple[FieldProblem, ...]:
        """Each thing that is wrong with an invalid input, by JSON pointer."""
        return (self.problem.errors or ()) if self.problem else ()


class JobForgeInvalid(JobForgeError):
    """What was sent is malformed, invalid or too large (400, 413, 422); ``errors`` names each field."""


class JobForgeDenied(JobForgeError):
    """The caller may not do this (401, 403)."""


class JobForgeDisabled(JobForgeDenied):
    """A feature flag or the template is off (403 ``feature.disabled``, ``template.disabled``)."""


class JobForgeNotFound(JobForgeError):
    """There is no such run, template, artifact or object for this tenant (404)."""


class JobForgeConflict(JobForgeError):
    """The idempotency key was used before with another body (409)."""


class JobForgeQuotaExceeded(JobForgeError):
    """The tenant's quota is spent (429)."""


class JobForgeUnavailable(JobForgeError):
    """The plane cannot be reached, or says that it cannot take this now (502, 503, 504).

    ``retry_after`` is how many seconds the plane asks to wait, or None.
    """

    transient = True

    def __init__(self, message: str, *, code: str, retry_after: float | None = None, **more: Any) -> None:
        super().__init__(message, code=code, **more)
        self.retry_after = retry_after


class JobForgeTimeout(JobForgeError):
    """No answer came in time, or a run had not ended in time; then ``job`` is its last known state."""

    transient = True

    @property
    def job(self) -> Any:
        """The last known state of the run that was waited for, or None."""
        return self.details.get("job")


class JobForgeUnexpectedAnswer(JobForgeError):
    """What answered does not speak as JobForge does; look at the address."""


_BY_STATUS: Mapping[int, type[JobForgeError]] = {
    400: JobForgeInvalid,
    401: JobForgeDenied,
    403: JobForgeDenied,
    404: JobForgeNotFound,
    409: JobForgeConflict,
    413: JobForgeInvalid,
    422: JobForgeInvalid,
    429: JobForgeQuotaExceeded,
    502: JobForgeUnavailable,
    503: JobForgeUnavailable,
    504: JobForgeUnavailable,
}
_DISABLED = frozenset({"feature.disabled", "template.disabled"})


def refusal(problem: Problem, *, retry_after: float | None = None) -> JobForgeError:
    """The error of a problem document."""
    kind = _BY_STATUS.get(problem.status, JobForgeError)
    if problem.code in _DISABLED:
        kind = JobForgeDisabled
    if kind is JobForgeUnavailable:
        return JobForgeUnavailable(
            problem.detail, code=problem.code, status=problem.status, problem=problem, retry_after=retry_after
        )
    return kind(problem.detail, code=problem.code, status=problem.status, problem=problem)
