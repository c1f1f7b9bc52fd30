"""The two ways a job fails: worth another try, or not."""

from datetime import timedelta
from typing import ClassVar


class JobFailure(Exception):
    """A failure whose class says how the run goes on; a subclass adds a ``code`` that never changes."""

    code: ClassVar[str] = "job.failed"
    retryable: ClassVar[bool] = False


class Retryable(JobFailure):
    """The same job may succeed later; ``after`` says how long to wait at least, up to 10 minutes."""

    code = "job.retryable"
    retryable = True

    def __init__(self, message: str, *, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


class Terminal(JobFailure):
    """The same job will never succeed."""

    code = "job.terminal"


class JobTimedOut(Retryable):
    """The job ran longer than its template allows."""

    code = "job.timeout"


class InvalidInputs(Terminal):
    """The inputs do not fit the template that this worker runs."""

    code = "job.invalid_inputs"


class InvalidOutputs(Terminal):
    """The template returned what JSON cannot carry or its output model refuses."""

    code = "job.invalid_outputs"


class EffectInDryRun(Terminal):
    """The template asked for an effect's key by itself, in a dry run, in which nothing may be done to the world."""

    code = "job.effect_in_dry_run"


class ChildDied(Retryable):
    """The child process that did the work ended before it answered."""

    code = "job.process_died"


class ArtifactsUnavailable(Retryable):
    """The artifact store could not be reached, or had no room."""

    code = "artifacts.unavailable"


class ObjectMissing(Terminal):
    """No object of that kind and id was uploaded for the tenant."""

    code = "object.not_found"
