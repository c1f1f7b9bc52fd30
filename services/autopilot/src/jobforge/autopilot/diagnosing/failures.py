"""The ways in which a diagnosis fails; each keeps its code for ever."""

from jobforge.execution.errors import Retryable, Terminal


class RunNotFound(Terminal):
    """The tenant has no such run."""

    code = "run.not_found"


class RunNotEnded(Retryable):
    """The run is still going on, so there is nothing to explain yet."""

    code = "run.not_ended"


class PlaneUnavailable(Retryable):
    """The plane cannot be reached, or does not show the run yet."""

    code = "plane.unavailable"


class PlaneRefused(Terminal):
    """The plane does not show runs: a flag is off, or its address is wrong."""

    code = "plane.refused"
