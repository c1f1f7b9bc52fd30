"""Both sides are driven by the same code, which leaves no request out."""

import asyncio
from dataclasses import dataclass, field

from ratios import driving


@dataclass
class Fake:
    """Accepts at once; the first job ends only after ``stall`` seconds."""

    stall: float = 0.0
    reads: bool = False
    jobs: list[int] = field(default_factory=list)

    async def request(self) -> int:
        """Jobs are numbered."""
        self.jobs.append(len(self.jobs))
        return self.jobs[-1]

    async def wait(self, job: int) -> None:
        """Later jobs end at once."""
        await asyncio.sleep(0 if job else self.stall)

    async def read(self, job: int) -> bool:
        """As told."""
        return self.reads


async def test_a_side_without_manifests_has_no_latency_for_them() -> None:
    """The raw path."""
    assert (await driving.one_by_one(Fake(), 10)).read is None
    assert (await driving.one_by_one(Fake(reads=True), 10)).read is not None


async def test_a_burst_is_shared_by_all_clients() -> None:
    """Each runs as many as any other."""
    clients = [Fake(), Fake()]
    await driving.burst(clients, 20)
    assert [len(client.jobs) for client in clients] == [10, 10]


async def test_jobs_that_a_stalled_one_held_up_count_from_when_they_were_due() -> None:
    """One slow job of twenty: with one client the other nineteen start late, and the median says so."""
    client = Fake(stall=0.2)
    found = await driving.open_loop([client], rate=1000, seconds=0.02)
    assert len(client.jobs) == 20
    assert found.latencies.accepted.p50 >= 150
