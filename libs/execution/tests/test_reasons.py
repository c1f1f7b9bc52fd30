"""Whatever a template raises is an error that a record can carry: otherwise its run would be tried for ever."""

import os

from jobforge.execution.errors import Terminal
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
