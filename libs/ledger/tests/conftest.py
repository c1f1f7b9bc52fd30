"""A log to write a history into by hand, and the checker's word on it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest

from jobforge.contracts.base import Message
from jobforge.contracts.identity import partition_of, run_key
from jobforge.ledger.checker import Scope, check
from jobforge.ledger.evidence import Evidence
from jobforge.ledger.findings import Report
from jobforge.ledger.records import Bounds
from jobforge.testkit.simulation.log import PARTITIONS, SimulatedLog


class Written(SimulatedLog):
    """A log without faults; ``deleted`` are first offsets that retention left."""

    def __init__(self) -> None:
        super().__init__(Random(1))
        self.faults = False
        self.deleted: dict[tuple[str, int], int] = {}

    def put(self, topic: str, message: Message, **more: Any) -> int:
        """Write a message under its run's key; its offset."""
        key = run_key(message.tenant_id, message.run_id)  # type: ignore[attr-defined]
        offset = self.send(topic, key, message.to_bytes(), **more)
        assert offset is not None
        return offset

    def commit_all(self, group: str, topic: str) -> None:
        """The group has read everything."""
        for number in range(PARTITIONS):
            self.commit(group, topic, number, len(self.records[topic, number]))

    async def bounds(self) -> Bounds:
        found = await super().bounds()
        return Bounds({at: (self.deleted.get(at, 0), end) for at, (_, end) in found.spans.items()}, found.commits)


@pytest.fixture
def log() -> Written:
    """An empty log."""
    return Written()


Look = Callable[..., Awaitable[Report]]


@pytest.fixture
def look(log: Written) -> Look:
    """Checks the log: ``await look(settled=True)``."""

    async def checked(
        *,
        settled: bool = False,
        tenant: str | None = None,
        client_log: Path | None = None,
        effects_log: Path | None = None,
        **more: Any,
    ) -> Report:
        evidence = Evidence()
        try:
            evidence.load(client_log=client_log, effects_log=effects_log)
            return await check(log, evidence, scope=Scope(settled, tenant), **more)
        finally:
            evidence.close()

    return checked


def partition(run_id: UUID, tenant: str = "acme") -> int:
    """Where a run's records stand."""
    return partition_of(run_key(tenant, run_id), PARTITIONS)
