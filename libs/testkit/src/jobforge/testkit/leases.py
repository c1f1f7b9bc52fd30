"""Leases in memory, with hands on what a test wants the store to say."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from jobforge.execution.leases import Holding, Renewal
from jobforge.execution.policy import UNLEASED, Claimed


@dataclass
class MemoryLeases:
    """Leases that never run out; ``Leases`` of one or many workers."""

    holders: dict[UUID, str] = field(default_factory=dict)
    """Runs and the claims that hold them."""
    counts: dict[UUID, int] = field(default_factory=dict)
    ended: set[UUID] = field(default_factory=set)
    cancelled: set[UUID] = field(default_factory=set)
    unknown: set[UUID] = field(default_factory=set)
    away: bool = False

    async def claim(self, wanted: Holding) -> Claimed:
        """See ``Leases.claim``."""
        run = wanted.run_id
        if self.away:
            return UNLEASED
        if run in self.ended:
            return Claimed("ended")
        if self.holders.get(run, wanted.claim) != wanted.claim:
            return Claimed("held")
        self.holders[run] = wanted.claim
        before = self.counts.get(run, 0)
        self.counts[run] = before + 1
        return Claimed("cancel" if run in self.cancelled else "free", run not in self.unknown, before, before + 1)

    async def renew(self, held: Sequence[Holding]) -> list[Renewal]:
        """See ``Leases.renew``."""
        return [self._renewed(one) for one in held]

    def release(self, held: Holding, *, ended: bool) -> None:
        """See ``Leases.release``."""
        if self.holders.get(held.run_id) != held.claim:
            return
        del self.holders[held.run_id]
        self.counts[held.run_id] = 0 if ended else self.counts[held.run_id] - 1

    def _renewed(self, held: Holding) -> Renewal:
        if self.away:
            return "ok"
        if self.holders.setdefault(held.run_id, held.claim) != held.claim:
            return "lost"
        return "cancel" if held.run_id in self.cancelled else "ok"
