"""The load of every template: nothing is left out of it, and each of its jobs is one that a door takes."""

from collections import Counter
from typing import Any

import pytest
from mixed import asking
from mixed.kinds import KINDS, NOBODY
from trial.plan import Ask

from jobforge.contracts.identity import run_id_for_key

TRIAL, SINK = "kill-worker-mixed", "http://127.0.0.1:9/effects"
TEMPLATES = asking.templates()


def mixed(jobs: int = 2000, seed: int = 1) -> list[Ask]:
    """The jobs of a trial."""
    return asking.plan(seed, TRIAL, jobs, SINK)


def test_every_template_of_every_service_has_its_jobs_in_the_mix() -> None:
    """A new template that is not asked for under kills fails here, and is named."""
    asking.check_kinds(KINDS, TEMPLATES)


@pytest.mark.parametrize(
    ("kinds", "found", "named"),
    [
        (KINDS, {**TEMPLATES, "settler.contract.compare": None}, "no job of settler.contract.compare: add it"),
        ({**KINDS, "echo.message.lost": None}, TEMPLATES, "no service has echo.message.lost: take it out"),
        ({**KINDS, "ledgers.entry.post": None}, {**TEMPLATES, "ledgers.entry.post": None}, "nothing probes ledgers"),
    ],
    ids=["a template without a job", "a job without a template", "a service without a probe"],
)
def test_a_mix_that_is_not_that_of_the_services_is_refused_with_what_to_change(
    kinds: dict[str, Any], found: dict[str, Any], named: str
) -> None:
    """Whoever adds a template reads where its job goes."""
    with pytest.raises(asking.NoJobOf, match=named):
        asking.check_kinds(kinds, found)


def test_2000_jobs_ask_for_every_template_many_times_and_as_many_jobs_as_there_are_for_each_once() -> None:
    """The cheap ones most often."""
    counted = Counter(ask.template for ask in mixed())
    assert counted.total() == 2000
    assert counted.keys() == TEMPLATES.keys()
    assert min(counted.values()) >= 20
    assert {ask.template for ask in mixed(len(KINDS))} == TEMPLATES.keys()


def test_the_same_seed_asks_for_the_same_jobs() -> None:
    """So that a trial can be repeated."""
    assert mixed() == mixed()
    assert mixed() != mixed(seed=2)


def test_no_job_of_the_mix_is_refused_at_the_door() -> None:
    """Also those that must fail: it is the template that refuses them."""
    asks = [*mixed(), *asking.first(TRIAL, "acme", SINK)]
    for ask in asks:
        TEMPLATES[ask.template].inputs.model_validate(ask.inputs)
    assert {ask.template for ask in asks if ask.ends == {"failed"}} == {key for key in KINDS if KINDS[key].refused}


def test_runs_that_are_explained_and_told_of_are_those_that_the_tenant_has_before_the_load() -> None:
    """A diagnosis of a run that nobody asked for would fail, whatever the plane does."""
    asks = mixed()
    for tenant in {ask.tenant for ask in asks}:
        first = asking.first(TRIAL, tenant.partition(".")[0], SINK)
        there = {str(run_id_for_key(ask.tenant, ask.template, ask.key)) for ask in first}
        named = {ask.inputs["run_id"] for ask in asks if ask.tenant == tenant and "run_id" in ask.inputs}
        assert set() < named - {NOBODY} <= there
