"""Holds what clients were answered about one run against the promises: what was seen once is never taken back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobforge.ledger.evidence import Effect, Seen
from jobforge.ledger.findings import Finding
from jobforge.ledger.records import Position
from jobforge.ledger.run_state import RunState

ENDS = frozenset({"succeeded", "failed", "canceled"})
_MANIFEST = {"succeeded": "complete", "failed": "failed", "canceled": "failed"}
"""What a run's manifest says when the job says this."""


@dataclass(slots=True)
class _Floor:
    """What was known when a read began: no later read may say less."""

    known: bool = False
    begun: bool = False
    attempt: int = 0
    end: str | None = None
    digest: str | None = None
    place: Position | None = None

    def raise_by(self, seen: Seen) -> None:
        """Learn from an answer that came before."""
        if seen.status != 200:
            return
        self.known = True
        self.attempt = max(self.attempt, seen.attempt or 0)
        self.begun |= seen.what == "job" and seen.state != "queued"
        if seen.what == "job" and seen.state in ENDS:
            self.end = self.end or seen.state
        self.digest = self.digest or seen.digest
        place = _place(seen)
        if place is not None and (self.place is None or place.offset > self.place.offset):
            self.place = place


def judge_reads(
    reads: Sequence[Seen], run: RunState, *, tenant: str, name: str, accepted_at: float | None
) -> Iterator[Finding]:
    """What is wrong with a run's answers; ``reads`` are sorted by when they were asked for."""
    floor = _Floor()
    came = sorted((seen for seen in reads if seen.tenant == tenant), key=lambda seen: seen.at)
    learnt = 0
    for seen in reads:
        at = (f"{seen.client} at {seen.at:.3f}",)
        if seen.tenant == tenant:
            while learnt < len(came) and came[learnt].at <= seen.began:
                floor.raise_by(came[learnt])
                learnt += 1
            if accepted_at is not None and accepted_at <= seen.began:
                floor.known = True
            for invariant, what in _fallen(seen, floor):
                yield Finding(invariant, what, tenant, name, at)
        elif seen.status == 200:
            yield Finding("I5", f"tenant {seen.tenant} was shown a run of tenant {tenant}", tenant, name, at)
        for what in _foreign(seen):
            yield Finding("I5", what, seen.tenant, name, at)
        unknown = _not_in_log(seen, run) if seen.tenant == tenant else None
        if unknown is not None:
            yield Finding("I2", unknown, tenant, name, at)


def _fallen(seen: Seen, floor: _Floor) -> Iterator[tuple[str, str]]:
    if seen.status == 404 and floor.known:
        yield "I2", "a known run became 404"
    if seen.status != 200:
        return
    if seen.what == "job":
        if floor.end is not None and seen.state != floor.end:
            yield "I2", f"its end changed: {floor.end}, and then {seen.state}"
        elif floor.begun and seen.state == "queued":
            yield "I2", "it had begun, and then it was queued"
        if (seen.attempt or 0) < floor.attempt:
            yield "I4", f"its attempt fell from {floor.attempt} to {seen.attempt}"
    elif floor.end is not None and seen.state != _MANIFEST[floor.end]:
        yield "I2", f"the job had {floor.end}, and then its manifest was {seen.state}"
    if floor.digest is not None and seen.digest not in (None, floor.digest):
        yield "I2", "its manifest's digest changed"
    place = _place(seen)
    if place is not None and floor.place is not None and place[:2] == floor.place[:2] and place < floor.place:
        yield "I2", f"an older state was shown: {place} after {floor.place}"


def _foreign(seen: Seen) -> Iterator[str]:
    if seen.status == 200 and seen.holder not in (None, seen.tenant):
        yield f"tenant {seen.tenant} was answered with what is {seen.holder}'s"
    if seen.answered is not None:
        yield f"another run was answered: {seen.answered}"
    if seen.marks:
        yield f"tenant {seen.tenant} was answered with bytes of {seen.marks}"


def _not_in_log(seen: Seen, run: RunState) -> str | None:
    """An end that a reader saw and the log does not have."""
    if seen.status != 200 or not (seen.state in ENDS or (seen.what == "manifest" and seen.state == "complete")):
        return None
    if run.end is None:
        return f"it was shown as {seen.state}, and the log holds no end of it"
    shown = run.end.state if seen.what == "job" else _MANIFEST[run.end.state]
    if seen.state != shown:
        return f"it was shown as {seen.state}, and ended as {run.end.state}"
    if seen.digest and run.snapshots and all(seen.digest != snapshot.digest for snapshot in run.snapshots):
        return "the manifest that was shown has another digest than the one that was published"
    return None


def _place(seen: Seen) -> Position | None:
    try:
        return Position.parse(seen.as_of or "")
    except ValueError:
        return None


def judge_effects(effects: Sequence[Effect], run: RunState, *, tenant: str, name: str) -> Iterator[Finding]:
    """Each effect of a run must carry the key of its root."""
    root = run.root or name
    for effect in effects:
        if effect.key.rpartition(":")[0] != root:
            what = f"acted with the key {effect.key!r:.100}, which is not of its root {root}"
            yield Finding("I3", what, tenant, name)
