"""The two ways a job fails: worth another try, or not."""

import re
from datetime import timedelta
from typing import Any, ClassVar

CODE = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class JobFailure(Exception):
    """A failure whose class says how the run goes on; a subclass adds a ``code`` that never changes.

    A code has 1 to 100 characters of ``A-Z a-z 0-9 _ . -``; declaring a class with another one raises ``TypeError``.
    """

    code: ClassVar[str] = "job.failed"
    retryable: ClassVar[bool] = False

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Refuse a code that no record can hold, before anything can fail with it."""
        super().__init_subclass__(**arguments)
        if not isinstance(cls.code, str) or not CODE.fullmatch(cls.code):
            raise TypeError(
                f"{cls.__name__}.code is {cls.code!r:.200}: a code has 1 to 100 characters of A-Z a-z 0-9 _ . -"
            )


class Retryable(JobFailure):
    """The same job may succeed later; ``after`` says how long to wait at least, up to 10 minutes.

    Raises ``TypeError`` for an ``after`` that is no timedelta.
    """

    code = "job.retryable"
    retryable = True
    after: timedelta | None = None

    def __init__(self, message: str, *, after: timedelta | None = None) -> None:
        super().__init__(message)
        if after is not None and not isinstance(after, timedelta):
            raise TypeError(f"after is a timedelta, and this one is {after!r:.200}")
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
    """The template returned what JSON cannot carry, nests too deep for its readers, or its output model refuses."""

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
