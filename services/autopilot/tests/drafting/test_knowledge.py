"""A draft is grounded in the tenant's knowledge index, which it asks the plane to search."""

import json
from typing import Any

import pytest

from jobforge.autopilot.drafting import failures
from jobforge.autopilot.plane import PlaneSettings
from jobforge.execution.errors import Retryable, Terminal
from jobforge.testkit.doors import FakePlane, Result

SEARCH = "aias.knowledge.search"
HITS = {
    "hits": [
        {
            "document_id": "manual",
            "score": 2.0,
            "passage": "A heat pump needs a yearly inspection.",
            "start": 0,
            "end": 9,
        },
        {
            "document_id": "report",
            "score": 1.0,
            "passage": "Heat pumps saved 30 percent of costs.",
            "start": 5,
            "end": 9,
        },
    ],
    "index": "energy",
    "version": 3,
    "search_type": "hybrid",
}


@pytest.fixture
def grounded(draft: Any, doors: FakePlane) -> Any:
    """A drafter beside a plane whose search finds two passages."""
    doors.results[SEARCH] = Result(outputs=HITS)
    draft.plane = PlaneSettings(url=doors.url, query_url=doors.url, autopilot_search_wait=5)
    return draft


async def test_a_draft_quotes_the_passages_that_a_search_of_the_index_finds(grounded: Any, doors: FakePlane) -> None:
    """For the same tenant, within the same trace, and asked for by the run."""
    outputs = await grounded(knowledge_index="energy", passages=7)
    assert {(source.document_id, source.quote) for source in outputs.sources} == {
        ("manual", "A heat pump needs a yearly inspection."),
        ("report", "Heat pumps saved 30 percent of costs."),
    }
    (run,) = doors.jobs.values()
    assert (run.template_key, run.tenant_id, run.trace_id) == (SEARCH, grounded.job.tenant_id, grounded.job.trace_id)
    assert run.requested_by.actor_id == f"run:{grounded.job.run_id}"
    assert doors.inputs[run.id] == {"query": "heat pumps", "k": 7, "index": "energy"}


async def test_a_second_attempt_meets_the_search_of_the_first(grounded: Any, doors: FakePlane) -> None:
    """One run of the search, however often the draft is tried."""
    await grounded(knowledge_index="energy")
    grounded.job.artifacts.clear()
    await grounded(knowledge_index="energy")
    assert len(doors.jobs) == 1
    keys = {seen.headers["idempotency-key"] for seen in doors.seen if seen.method == "POST"}
    assert keys == {f"{grounded.job.run_id}:knowledge.search"}


async def test_a_dry_run_searches_in_a_dry_run(grounded: Any, doors: FakePlane) -> None:
    """Which does all the same, and is marked as one."""
    grounded.job.dry_run = True
    assert (await grounded(knowledge_index="energy")).sources
    assert [run.dry_run for run in doors.jobs.values()] == [True]


async def test_hits_that_are_too_many_for_a_manifest_are_read_from_their_artifact(
    grounded: Any, doors: FakePlane
) -> None:
    """The plane keeps large outputs apart."""
    large = json.dumps(HITS).encode()
    doors.results[SEARCH] = Result(
        outputs={"$artifact": "outputs.json"}, artifacts={"outputs.json": ("application/json", large)}
    )
    assert len((await grounded(knowledge_index="energy")).sources) == 2


async def test_an_index_that_holds_nothing_on_the_topic_gives_an_outline(grounded: Any, doors: FakePlane) -> None:
    """No hit is no failure."""
    doors.results[SEARCH] = Result(outputs={**HITS, "hits": []})
    assert (await grounded(knowledge_index="energy")).kind == "outline"


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (Result(error={"code": "index.not_found", "message": "no such index"}), failures.KnowledgeIndexMissing),
        (Result(error={"code": "job.attempts_exhausted", "message": "spent"}), failures.KnowledgeSearchFailed),
        (Result(outputs={"hits": [{"score": 1}]}), failures.KnowledgeSearchFailed),
    ],
)
async def test_a_search_that_fails_for_good_is_named(
    grounded: Any, doors: FakePlane, result: Result, error: type[Terminal]
) -> None:
    """Another attempt would meet the same search, so there is none."""
    doors.results[SEARCH] = result
    with pytest.raises(error, match=r"knowledge_index: .*(energy|run)") as raised:
        await grounded(knowledge_index="energy")
    assert not raised.value.retryable


async def test_a_search_that_is_switched_off_is_refused(grounded: Any, doors: FakePlane) -> None:
    """With the plane's own words."""
    doors.disabled.add(SEARCH)
    with pytest.raises(failures.KnowledgeRefused, match=f"Template is disabled: {SEARCH}"):
        await grounded(knowledge_index="energy")


async def test_a_search_that_takes_too_long_is_unavailable(grounded: Any, doors: FakePlane) -> None:
    """The next attempt finds the same search, done by then."""
    grounded.plane = PlaneSettings(url=doors.url, query_url=doors.url, autopilot_search_wait=0.3)
    del doors.results[SEARCH]
    with pytest.raises(failures.KnowledgeUnavailable, match="still queued"):
        await grounded(knowledge_index="energy")
    (run_id,) = doors.jobs
    doors.results[SEARCH] = Result(outputs=HITS)
    doors.advance(run_id, status="succeeded")
    assert len((await grounded(knowledge_index="energy")).sources) == 2
    assert len(doors.jobs) == 1


async def test_a_plane_that_is_down_is_unavailable(draft: Any) -> None:
    """The variable to look at is named."""
    with pytest.raises(failures.KnowledgeUnavailable, match="JOBFORGE_URL") as raised:
        await draft(knowledge_index="energy")
    assert isinstance(raised.value, Retryable)
