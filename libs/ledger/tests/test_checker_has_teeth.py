"""The checker finds nothing wrong with a sound plane, and finds each defect that a plane was built with."""

import os
from pathlib import Path

import pytest

from jobforge.ledger.checker import Scope, check
from jobforge.ledger.evidence import Evidence
from jobforge.ledger.findings import Report
from jobforge.testkit.simulation.plane import DEFECTS, SimulatedPlane

SOUND = 60
"""Histories of a sound plane that must be clean."""
AT_MOST = 400
"""Histories in which a defect must show."""
SEED = int(os.environ.get("LEDGER_SEED", "1"))
CAUGHT_BY = {
    "commit_first": {"I1", "I11"},
    "commit_highest": {"I1", "I11"},
    "commit_before_retry": {"I1", "I11"},
    "last_end_wins": {"I1", "I2", "I7"},
    "best_effort_dead_letter": {"I10"},
    "dead_letter_written_anew": {"I10"},
    "no_watermark": {"I1", "I2", "I4", "I7"},
    "reads_while_rebuilding": {"I2", "I4"},
    "random_run_ids": {"I8"},
    "key_of_attempt": {"I3"},
    "closes_what_waits": {"I9"},
    "shared_place": {"I6"},
    "any_tenant": {"I5"},
    "one_attempt_more": {"I4"},
    "conflict_swallowed": {"I8"},
    "commit_before_snapshot": {"I1"},
}


async def look(plane: SimulatedPlane, *, settled: bool) -> Report:
    evidence = Evidence()
    try:
        evidence.load(client_log=plane.client_log, effects_log=plane.effects_log)
        return await check(plane.log, evidence, scope=Scope(settled=settled), artifacts=plane)
    finally:
        evidence.close()


async def history(seed: int, folder: Path, *defects: str) -> Report:
    plane = SimulatedPlane(seed, folder, defects=defects)
    plane.stir(350)
    plane.settle()
    return await look(plane, settled=True)


async def test_a_sound_plane_is_found_sound_while_it_works_and_after(tmp_path: Path) -> None:
    """Crashes, zombies, lost acknowledgements, flushes, roll-backs and replays are no findings."""
    ended = accepted = repeated = 0
    for seed in range(SEED, SEED + SOUND):
        plane = SimulatedPlane(seed, tmp_path)
        plane.stir(200)
        during = await look(plane, settled=False)
        assert not during.findings, f"LEDGER_SEED={seed}, while it works: {during.findings[:3]}"
        plane.stir(150)
        plane.settle()
        after = await look(plane, settled=True)
        assert not after.findings, f"LEDGER_SEED={seed}: {after.findings[:3]}"
        accepted += sum(tally.accepted for tally in after.tenants.values())
        ended += sum(tally.ended for tally in after.tenants.values())
        repeated += after.repeated_ends
    assert accepted == ended > SOUND * 5
    assert repeated > SOUND / 10, "faults must have made some runs end twice"


@pytest.mark.parametrize("defect", DEFECTS)
async def test_a_defect_is_caught(defect: str, tmp_path: Path) -> None:
    """And by the invariant that it breaks, which names whose run it was."""
    for seed in range(SEED, SEED + AT_MOST):
        report = await history(seed, tmp_path, defect)
        caught = [finding for finding in report.findings if finding.invariant in CAUGHT_BY[defect]]
        if caught:
            print(f"{defect}: caught after {seed - SEED + 1} histories: {caught[0]}")
            assert caught[0].run is not None or caught[0].at
            return
    pytest.fail(f"{AT_MOST} histories from LEDGER_SEED={SEED} show nothing of: {DEFECTS[defect]}")


def test_every_defect_is_expected_somewhere() -> None:
    """A new one needs the invariants that must catch it."""
    assert CAUGHT_BY.keys() == DEFECTS.keys()
