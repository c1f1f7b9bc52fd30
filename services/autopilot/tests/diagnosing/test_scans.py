"""A scan's findings are put in the order in which to mend them, with what that gains."""

from jobforge.autopilot.diagnosing.scans import FIRST_MENDS, scan_seen
from jobforge.autopilot.scanning.results import CheckName, Finding, Severity, judged, skipped


def finding(check: CheckName, what: str, severity: Severity) -> Finding:
    """One of a check."""
    return Finding(id=f"{check}.{what}", severity=severity, message=f"Mend {what}.")


def test_the_heaviest_findings_come_first_with_the_score_after_each() -> None:
    """The scores are the scan's own: the last of one list is the first of the next."""
    cache = judged("cache", [finding("cache", "etag", "low"), finding("cache", "age", "medium")], {})
    ssl = judged("ssl", [finding("ssl", "expired", "high"), finding("ssl", "told", "info")], {})
    seen = scan_seen([cache, ssl])
    assert seen.score == 57
    assert [(mend.id, mend.score_before, mend.score_after) for mend in seen.mend] == [
        ("ssl.expired", 57, 87),
        ("cache.age", 87, 97),
        ("cache.etag", 97, 100),
    ]


def test_of_equals_the_one_that_gains_most_comes_first() -> None:
    """In a check that is far below zero one mend alone gains nothing."""
    deep = judged("headers", [finding("headers", str(n), "high") for n in range(3)], {})
    shallow = judged("ssl", [finding("ssl", "expired", "high")], {})
    assert scan_seen([deep, shallow]).mend[0].id == "ssl.expired"


def test_of_many_findings_only_the_first_are_told_and_skipped_checks_have_none() -> None:
    """The scan's own report has them all."""
    many = judged("headers", [finding("headers", str(n), "low") for n in range(9)], {})
    seen = scan_seen([many, skipped("cache", "no page")])
    assert len(seen.mend) == FIRST_MENDS
    assert (seen.checks[0].low, seen.checks[1].score) == (9, None)


def test_a_site_without_findings_has_nothing_to_mend() -> None:
    """Its score is full."""
    seen = scan_seen([judged("ssl", [], {})])
    assert (seen.score, seen.mend) == (100, [])
