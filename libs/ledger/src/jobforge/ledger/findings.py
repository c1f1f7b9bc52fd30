"""What the checker says: findings by invariant, and the counts they stand on."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

INVARIANTS: dict[str, str] = {
    "I1": "every accepted run has exactly one terminal manifest",
    "I2": "no reader sees an end change, a state go back, or a known run become 404",
    "I3": "keyed effects are visible once",
    "I4": "attempts never fall, and none is made that was not granted",
    "I5": "nothing of one tenant is in another's answers or records",
    "I6": "artifacts of a success are whole and belong to the winning attempt",
    "I7": "every manifest tells of the first terminal record, with the same digest everywhere",
    "I8": "one idempotency key, one run",
    "I9": "nothing times out that never started",
    "I10": "every dead letter is byte-equal to its original and can be replayed",
    "I11": "accepted = ended + in flight; no commit passes a request that nothing answers for",
}
KEPT = 1_000
"""Findings of one invariant that are kept; all are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise: whose, and where it can be seen."""

    invariant: str
    what: str
    tenant: str | None = None
    run: str | None = None
    at: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        shown = {"invariant": self.invariant, "what": self.what, "tenant": self.tenant, "run": self.run}
        return {**shown, "at": list(self.at)}


@dataclass(slots=True)
class Tally:
    """One tenant's runs."""

    accepted: int = 0
    ended: int = 0
    in_flight: int = 0


@dataclass(slots=True)
class Report:
    """The result of one look at a history."""

    records: int = 0
    tenants: dict[str, Tally] = field(default_factory=dict)
    repeated_ends: int = 0
    """Terminal records after the first of their run: normal after faults, and without effect."""
    too_old: int = 0
    """Runs that nothing is said about, since the log no longer reaches back to their end."""
    looked: Counter[str] = field(default_factory=Counter)
    """How many things were held against each invariant; one that is missing was not looked at."""
    found: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether no promise was found broken."""
        return not self.found

    def add(self, findings: Iterable[Finding]) -> None:
        """Count these, and keep the first of each invariant."""
        for finding in findings:
            self.found[finding.invariant] += 1
            if self.found[finding.invariant] <= KEPT:
                self.findings.append(finding)

    def of(self, invariant: str) -> list[Finding]:
        """What was found against one invariant."""
        return [finding for finding in self.findings if finding.invariant == invariant]

    def tally(self, tenant: str) -> Tally:
        """A tenant's counts, to be raised."""
        return self.tenants.setdefault(tenant, Tally())

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "clean": self.clean,
            "records": self.records,
            "tenants": {
                name: {"accepted": one.accepted, "ended": one.ended, "in_flight": one.in_flight}
                for name, one in sorted(self.tenants.items())
            },
            "repeated_ends": self.repeated_ends,
            "too_old": self.too_old,
            "invariants": {
                name: {"promise": promise, "looked_at": self.looked.get(name), "found": self.found[name]}
                for name, promise in INVARIANTS.items()
            },
            "findings": [finding.as_json() for finding in self.findings],
            "notes": self.notes,
        }
