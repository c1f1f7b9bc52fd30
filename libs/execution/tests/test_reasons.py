"""Whatever a template raises is an error that a record can carry: otherwise its run would be tried for ever."""

import os
from typing import Any

import pytest

from jobforge.execution.errors import JobFailure, Retryable, Terminal
from jobforge.execution.reasons import failure_of


class Speechless(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Refused(Terminal):
    """Names a file."""

    code = "echo.refused"


def test_an_error_that_names_a_file_outside_utf8_ends_its_run() -> None:
    """Python writes such bytes as halves of surrogate pairs; no error could be made of them, and none was written."""
    name = os.fsdecode(b"caf\xe9.pdf")
    unforeseen, foreseen = failure_of(FileNotFoundError(2, "none", name)), failure_of(Refused(name))
    assert unforeseen.unforeseen
    assert unforeseen.error.message.startswith("FileNotFoundError: [Errno 2] none: ")
    assert foreseen.error.message == "caf?.pdf"


def test_an_error_that_cannot_say_what_it_is_ends_its_run() -> None:
    """Its name is told."""
    assert failure_of(Speechless()).error.message == "Speechless: (its text cannot be had: RuntimeError)"


class Forgetful(Retryable):
    """Does not tell its base class what it was given."""

    code = "echo.forgetful"

    def __init__(self, disk: str) -> None:
        Exception.__init__(self, f"{disk} is full")


@pytest.mark.parametrize("code", [42, "", "two words", "caf\u00e9", "x" * 101])
def test_a_failure_whose_code_no_record_can_hold_is_refused_where_it_is_declared(code: Any) -> None:
    """When it was raised, no error could be made of it, and the run was tried for ever."""
    with pytest.raises(TypeError, match=r"Odd\.code is .* 1 to 100 characters"):
        type("Odd", (JobFailure,), {"code": code})


def test_a_retryable_failure_that_skips_its_base_class_ends_its_run() -> None:
    """It had no ``after``, which the engine looked for."""
    failure = failure_of(Forgetful("sda"))
    assert (failure.error.code, failure.error.message, failure.after) == ("echo.forgetful", "sda is full", None)


def test_a_hint_that_is_no_timedelta_is_refused_where_it_is_given() -> None:
    """No wait could be reckoned with seconds as a number, and the run was tried for ever."""
    with pytest.raises(TypeError, match="after is a timedelta, and this one is 30"):
        Retryable("busy", after=30)  # type: ignore[arg-type]  # wrong on purpose
    later = Retryable("busy")
    later.after = 30  # type: ignore[assignment]  # likewise
    assert failure_of(later).after is None
