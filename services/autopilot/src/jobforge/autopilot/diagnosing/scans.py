"""A scan's findings as work to do: in which order to mend them, and what that gains in score."""

from collections.abc import Sequence

from jobforge.autopilot.diagnosing.results import CheckFindings, Mend, ScanSeen
from jobforge.autopilot.scanning.results import COSTS, Check, Finding, Severity, judged, total_score

FIRST_MENDS = 5
_LONGEST = 200


def scan_seen(checks: Sequence[Check]) -> ScanSeen:
    """What a scan found. The heaviest findings come first; of equals, that whose mending gains most."""
    return ScanSeen(
        score=total_score(checks),
        checks=[
            CheckFindings(
                check=check.name,
                score=check.score,
                high=_count(check, "high"),
                medium=_count(check, "medium"),
                low=_count(check, "low"),
            )
            for check in checks
        ],
        mend=_mends(checks),
    )


def _mends(checks: Sequence[Check]) -> list[Mend]:
    mends: list[Mend] = []
    now = list(checks)
    while len(mends) < FIRST_MENDS:
        open_ones = [(check, each) for check in now for each in check.findings if _costs(check, each)]
        if not open_ones:
            break
        before = total_score(now)
        heaviest = max(COSTS[each.severity] for _, each in open_ones)
        options = [
            (_without(now, check, each), check, each) for check, each in open_ones if COSTS[each.severity] == heaviest
        ]
        now, check, finding = max(options, key=lambda option: total_score(option[0]))
        mends.append(
            Mend(
                id=finding.id,
                check=check.name,
                severity=finding.severity,
                message=finding.message[:_LONGEST],
                score_before=before,
                score_after=total_score(now),
            )
        )
    return mends


def _costs(check: Check, finding: Finding) -> bool:
    return check.score is not None and COSTS[finding.severity] > 0


def _without(checks: Sequence[Check], mended: Check, finding: Finding) -> list[Check]:
    left = [each for each in mended.findings if each is not finding]
    return [judged(each.name, left, each.measured) if each is mended else each for each in checks]


def _count(check: Check, severity: Severity) -> int:
    return sum(each.severity == severity for each in check.findings)
