"""What an attempt promises of the effects that its template makes or plans."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.execution.attempt import MAX_EFFECTS, Attempt, Surroundings, TooMuchToTell
from jobforge.execution.children import Children
from jobforge.execution.errors import EffectInDryRun, InvalidOutputs
from jobforge.testkit.builders import job_requested
from jobforge.testkit.memory import MemoryLog

RUN, ROOT = UUID(int=1), UUID(int=2)


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    publisher = MemoryLog({"jobforge.runs": 1}).publisher()
    return Surroundings(ArtifactStore(tmp_path.as_uri()), publisher, Children(1), ThreadPoolExecutor(1), 1)


def attempt(around: Surroundings, number: int = 1, **request: Any) -> Attempt:
    """An attempt at a run."""
    return Attempt(job_requested(run_id=RUN, **request), number, "claim", around)


async def given(key: str) -> str:
    """Acts by telling its key."""
    return key


async def refused(key: str) -> str:
    """Must not be called."""
    raise AssertionError(key)


async def test_an_effect_has_the_same_key_in_every_attempt_and_every_replay(around: Surroundings) -> None:
    """That of the run that was asked for first, and the step."""
    assert (
        await attempt(around).effect("mail", given) == await attempt(around, 2).effect("mail", given) == f"{RUN}:mail"
    )
    assert await attempt(around, root_run_id=ROOT, replay_of=ROOT).effect("mail", given) == f"{ROOT}:mail"


async def test_a_dry_run_plans_each_step_once_and_acts_never(around: Surroundings) -> None:
    """A second effect with the same key would do nothing, so it is not planned."""
    dry = attempt(around, dry_run=True)
    for number in (1, 2):
        assert await dry.effect("mail", refused, to="ada", number=number) is None
    assert await dry.effect("pay", refused) is None
    assert list(dry.planned_effects.values()) == [{"step": "mail", "to": "ada", "number": 1}, {"step": "pay"}]
    with pytest.raises(EffectInDryRun):
        dry.effect_key("mail")


async def test_a_step_that_is_no_step_is_refused_dry_or_not(around: Surroundings) -> None:
    """A dry run finds the mistakes that the real one would make."""
    for dry_run in (True, False):
        with pytest.raises(ValueError, match="an effect's step has"):
            await attempt(around, dry_run=dry_run).effect("to ada", given)


async def test_a_plan_that_a_manifest_cannot_hold_is_refused(around: Surroundings) -> None:
    """Not JSON, or too many."""
    dry = attempt(around, dry_run=True)
    with pytest.raises(InvalidOutputs, match="planned effect pay"):
        await dry.effect("pay", refused, amount=math.nan)
    for number in range(MAX_EFFECTS):
        await dry.effect(f"step-{number}", refused)
    with pytest.raises(TooMuchToTell, match="planned effects"):
        await dry.effect("one-more", refused)
