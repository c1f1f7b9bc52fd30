"""What a command ends with when it fails: one clear line, a remedy and an exit code, never a traceback."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer
from rich.console import Console
from rich.text import Text

from jobforge.client import (
    JobForgeDisabled,
    JobForgeError,
    JobForgeInvalid,
    JobForgeNotFound,
    JobForgeTimeout,
    JobForgeUnavailable,
)

P = ParamSpec("P")

JOB_FAILED = 1
WRONG_USAGE = 2
UNREACHABLE = 3


class Stop(Exception):
    """A command cannot go on: ``message`` says why, ``remedy`` what to do, ``code`` is its exit code."""

    def __init__(self, message: str, *, remedy: str | None = None, code: int = WRONG_USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.code = code


def told(command: Callable[P, None]) -> Callable[P, None]:
    """A command whose failures are told to people, and become its exit code."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except JobForgeError as error:
            stop = explain(error)
        except Stop as error:
            stop = error
        except (OSError, UnicodeDecodeError) as error:
            stop = Stop(str(error))
        else:
            return
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(Text.assemble(("error: ", "bold red"), stop.message))
        if stop.remedy:
            console.print(Text(f"       {stop.remedy}", style="dim"))
        raise typer.Exit(stop.code)

    return run


def explain(error: JobForgeError) -> Stop:
    """What a failed call means to whoever typed the command."""
    if isinstance(error, JobForgeTimeout) and error.job is not None:
        remedy = f"It goes on: jobforge watch {error.job.id}"
        return Stop(error.message, remedy=remedy, code=JOB_FAILED)
    if isinstance(error, JobForgeUnavailable | JobForgeTimeout):
        return Stop(error.message, remedy=_reach(error), code=UNREACHABLE)
    if isinstance(error, JobForgeInvalid) and error.errors:
        fields = "; ".join(f"{each.pointer}: {each.message}" for each in error.errors)
        return Stop(f"{error.code}: {fields}", remedy=_remedy(error))
    return Stop(error.message, remedy=_remedy(error))


def _reach(error: JobForgeError) -> str:
    if error.status is not None or isinstance(error, JobForgeTimeout):
        return "Something is there but cannot take this now; jobforge doctor looks at the plane's parts."
    return "Start a plane with make up, or set JOBFORGE_URL; jobforge doctor says what is missing."


def _remedy(error: JobForgeError) -> str | None:
    if isinstance(error, JobForgeDisabled):
        if error.code == "template.disabled":
            return "Switch it on: jobforge templates enable <key>"
        return "Switch it on: jobforge flags set <NAME> on"
    if error.code == "template.unknown":
        return "jobforge templates lists what the plane runs."
    if isinstance(error, JobForgeNotFound) and error.code == "run.not_found":
        return "Runs belong to a tenant: check --tenant; jobforge runs lists its runs."
    return None
