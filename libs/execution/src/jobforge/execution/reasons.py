"""Whatever a template raises, as an error that a manifest can show."""

from datetime import timedelta

import structlog
from pydantic import ValidationError

from jobforge.chassis.artifacts import StoreUnavailable
from jobforge.contracts.jobs import JobError
from jobforge.execution.errors import ArtifactsUnavailable, JobFailure, Retryable
from jobforge.execution.policy import Failure

log = structlog.get_logger()

MAX_ERROR_TEXT = 2000


def failure_of(raised: BaseException) -> Failure:
    """Why an attempt failed. What is no ``JobFailure`` is unforeseen, and logged with its traceback."""
    while isinstance(raised, BaseExceptionGroup) and len(raised.exceptions) == 1:
        raised = raised.exceptions[0]  # a task group wraps what its task raised
    if isinstance(raised, StoreUnavailable):
        raised = ArtifactsUnavailable(f"the artifact store did not do its part: {raised}")
    if isinstance(raised, JobFailure):
        hint = raised.after if isinstance(raised, Retryable) else None
        after = hint if isinstance(hint, timedelta) else None
        return Failure(error(type(raised).code, _text(raised), retryable=raised.retryable), after)
    log.error("job.raised", exc_info=raised)
    said = error("job.raised", f"{type(raised).__name__}: {_text(raised)}", retryable=True)
    return Failure(said, unforeseen=True)


def error(code: str, message: str, *, retryable: bool = False) -> JobError:
    """An error with a message of bounded length."""
    return JobError(code=code, message=bounded(message, MAX_ERROR_TEXT), retryable=retryable)


def bounded(text: str, limit: int) -> str:
    """As much of a template's text as a record carries; half a surrogate pair, no UTF-8, is a question mark."""
    return text[:limit].encode(errors="replace").decode()


def _text(raised: BaseException) -> str:
    """What it says, if it can say anything: whatever a template raises must end its run."""
    try:
        return str(raised)
    except Exception as why:
        return f"(its text cannot be had: {type(why).__name__})"


def first_problem(invalid: ValidationError) -> str:
    """The first field that is wrong, and how many are; never the value itself."""
    first = invalid.errors(include_url=False, include_input=False, include_context=False)[0]
    pointer = "/" + "/".join(str(part) for part in first["loc"])
    return f"{pointer}: {first['msg']} ({invalid.error_count()} in all)"
