"""The promise under each fault, with fewer jobs and shorter outages than ``make chaos``."""

import pytest
from rows import ROWS
from short.conftest import RESULTS, Laboratory
from trial.fault import Fault
from trial.table import Header, Report

SHORT = [fault for fault in ROWS if not (fault.cluster or fault.full)]


@pytest.mark.timeout(600)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("fault", SHORT, ids=[fault.name for fault in SHORT])
async def test_every_accepted_request_ends_once_and_nobody_sees_otherwise(laboratory: Laboratory, fault: Fault) -> None:
    """Whatever breaks: none lost, none doubled, no state goes back, and the plane works again by itself."""
    result = await laboratory.run(fault)
    report = Report(Header.here(laboratory.options.seed), RESULTS / fault.name)
    report.add(result)
    assert result.held, f"{report.markdown()}\nwhat clients saw and the services' logs are in {RESULTS}"
