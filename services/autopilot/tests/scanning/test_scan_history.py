"""A scan and those of its target before it: what is compared, what is kept, what is left behind."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from jobforge.autopilot.scanning.history import KEPT, Result
from jobforge.testkit.recording_job import RecordingJob
from jobforge.testkit.sites import Reply, serving

Good = dict[str, Reply]


def next_job(scan: Any, number: int, **changed: Any) -> None:
    """A further run of the tenant."""
    scan.job = RecordingJob(run_id=UUID(int=number), **changed)


def kept(folder: Path) -> int:
    """How many results the tenant's store holds."""
    return len(list(folder.rglob("scans/acme/*/*.json")))


async def test_a_second_scan_tells_what_was_mended_and_what_is_new(scan: Any, good: Good) -> None:
    """Over the checks that both made, and for the same target and tenant alone."""
    policy = good["/"].headers.pop("Content-Security-Policy")
    with serving(good) as site:
        first = await scan.site(site, "headers", "cdn")
        good["/"].headers["Content-Security-Policy"] = policy
        del good["/"].headers["Referrer-Policy"]
        next_job(scan, 2)
        second = await scan.site(site, "headers")
        next_job(scan, 3, tenant_id="other")
        foreign = await scan.site(site, "headers")
    assert first.trend is None
    assert foreign.trend is None
    assert second.trend.previous_run_id == UUID("00000000-0000-8000-8000-000000000001")
    assert second.trend.compared == ["headers"]
    assert (second.trend.previous_score, second.trend.score) == (60, 95)
    assert second.trend.gone == ["headers.framable", "headers.no_csp"]
    assert second.trend.appeared == ["headers.no_referrer_policy"]


async def test_a_second_attempt_is_not_compared_with_the_first_one_of_its_run(scan: Any, good: Good) -> None:
    """What died after keeping its result is done again as if it had not."""
    with serving(good) as site:
        await scan.site(site, "headers")
        next_job(scan, 2)
        first = await scan.site(site, "headers")
        next_job(scan, 2, attempt=2)
        again = await scan.site(site, "headers")
    assert first.trend.previous_run_id == again.trend.previous_run_id != UUID(int=2)


async def test_a_dry_run_looks_and_keeps_nothing(scan: Any, good: Good, tmp_path: Path) -> None:
    """The next scan has nothing to compare with."""
    next_job(scan, 9, dry_run=True)
    with serving(good) as site:
        assert (await scan.site(site, "headers")).score == 100
    assert kept(tmp_path) == 0


async def test_the_newest_twenty_results_of_a_target_are_kept(scan: Any, good: Good, tmp_path: Path) -> None:
    """Older ones are deleted."""
    with serving(good) as site:
        for number in range(1, 23):
            next_job(scan, number)
            last = await scan.site(site, "headers")
    assert kept(tmp_path) == 20
    assert last.trend.previous_run_id == UUID(int=21)


async def test_a_scan_does_not_fail_as_artifacts_unavailable_because_another_one_forgot_the_same_old_result(
    scan: Any, tmp_path: Path
) -> None:
    """Two scans of a target that end together forget the same oldest result; to the second it is gone."""
    seen = datetime(2026, 11, 1, tzinfo=UTC)
    results = [
        Result(run_id=UUID(int=number), seen_at=seen + timedelta(minutes=number), score=100, verdict="pass", checks=[])
        for number in range(KEPT + 2)
    ]
    for result in results[:KEPT]:
        await scan.history.keep("acme", "http://localhost/", result, [])
    for result in results[KEPT:]:
        await scan.history.keep("acme", "http://localhost/", result, results[:KEPT])
    assert kept(tmp_path) == KEPT + 1
