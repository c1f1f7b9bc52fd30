"""Whatever a template raises, as an error that a manifest can show."""

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
        after = raised.after if isinstance(raised, Retryable) else None
        return Failure(error(type(raised).code, _text(raised), retryable=raised.retryable), after)
    log.error("job.raised", exc_info=raised)
    said = error("job.raised", f"{type(raised).__name__}: {_text(raised)}", retryable=True)
    return Failure(said, unforeseen=True)


def error(code: str, message: str, *, retryable: bool = False) -> JobError:
    """An error with a message of bounded length; half a surrogate pair, which is no UTF-8, becomes a question mark."""
    told = message[:MAX_ERROR_TEXT].encode(errors="replace").decode()
    return JobError(code=code, message=told, retryable=retryable)


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
