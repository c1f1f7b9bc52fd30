"""CPU time is charged to the processes that took it, and the rest of the machine's to others."""

import pytest
from ratios.machine import Reading

BEFORE = Reading(at=10.0, cpu={"kafka": 1.0, "echo": 2.0}, machine=100.0)
AFTER = Reading(at=14.0, cpu={"kafka": 1.5, "echo": 4.5}, machine=108.0)


def test_each_process_is_charged_with_what_it_took_between_two_readings() -> None:
    """In microseconds a job."""
    assert AFTER.a_job(BEFORE, 1000) == pytest.approx({"kafka": 500, "echo": 2500})


def test_what_nobody_of_ours_took_was_taken_by_others() -> None:
    """Eight seconds of two cores in four seconds, three of them ours."""
    assert AFTER.others(BEFORE) == pytest.approx(1.25)
