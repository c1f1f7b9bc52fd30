"""What an attempt promises of the effects that its template makes or plans, and of what it tells of itself."""

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


async def test_a_planned_effect_that_nests_deeper_than_readers_read_is_refused(around: Surroundings) -> None:
    """No reader of the outcome could read it."""
    deep: list[Any] = []
    for _ in range(64):
        deep = [deep]
    with pytest.raises(InvalidOutputs, match=r"the planned effect mail .* deeper than 64 levels"):
        await attempt(around, dry_run=True).effect("mail", refused, to=deep)


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


@pytest.mark.parametrize("odd", [["5.1"], ("5", "1"), 5, None, b"5"])
async def test_a_version_or_name_that_is_no_text_ends_the_run_and_is_not_tried_for_ever(
    around: Surroundings, odd: Any
) -> None:
    """It made the outcome itself impossible, and the worker tried to write that again and again."""
    ours = attempt(around)
    for tell, told in ((ours.used_tool, ("pypdf", odd)), (ours.used_tool, (odd, "5")), (ours.measure, (odd, 1))):
        with pytest.raises(InvalidOutputs, match="is text, and this one is"):
            tell(*told)
    assert (ours.tool_versions, ours.metrics) == ({}, {})


async def test_half_a_surrogate_pair_in_a_name_is_told_as_a_question_mark(around: Surroundings) -> None:
    """No record could carry it."""
    ours = attempt(around)
    ours.used_tool("pypdf\ud800", "5\udfff")
    ours.measure("pages\ud800", 3)
    assert (ours.tool_versions, ours.metrics) == ({"pypdf?": "5?"}, {"pages?": 3.0})
