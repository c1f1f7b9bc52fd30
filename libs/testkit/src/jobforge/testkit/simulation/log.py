"""A log that loses acknowledgements and records: what the simulated services write to and the checker reads."""

from collections.abc import AsyncIterator, Mapping, Sequence
from random import Random

from jobforge.contracts.identity import partition_of
from jobforge.ledger.records import Bounds, Headers, Record

PARTITIONS = 2
JOBS, SLOW, RETRY = "jobforge.jobs.echo", "jobforge.jobs.echo.slow", "jobforge.retry.5s"
RUNS, MANIFESTS, DEAD, REJECTED = "jobforge.runs", "jobforge.manifests", "jobforge.dlq.echo", "jobforge.rejected"


class SimulatedLog:
    """Topics in memory; a ``History``. ``send`` fails in both ways while ``faults`` is on."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.faults = True
        self.now = 0
        self.commits: dict[tuple[str, str, int], int] = {}
        counts = {JOBS: PARTITIONS, SLOW: PARTITIONS, RETRY: PARTITIONS, RUNS: PARTITIONS, MANIFESTS: PARTITIONS}
        self.records: dict[tuple[str, int], list[Record]] = {
            (topic, number): [] for topic, count in (counts | {DEAD: 1, REJECTED: 1}).items() for number in range(count)
        }

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()) -> int | None:
        """The offset once it is acknowledged; None when nobody knows whether it was written."""
        luck = self._random.random() if self.faults else 1.0
        if luck < 0.04:
            return None
        wide = (topic, 1) in self.records
        records = self.records[topic, partition_of(key or b"", PARTITIONS) if wide else 0]
        number = partition_of(key or b"", PARTITIONS) if wide else 0
        records.append(Record(topic, number, len(records), key, value, headers, self.now))
        return None if luck < 0.08 else len(records) - 1

    def committed(self, group: str, topic: str, partition: int) -> int:
        """Where a group goes on."""
        return self.commits.get((group, topic, partition), 0)

    def commit(self, group: str, topic: str, partition: int, offset: int) -> None:
        """Keep where a group goes on."""
        self.commits[group, topic, partition] = offset

    async def bounds(self) -> Bounds:
        """Everything until now."""
        return Bounds({at: (0, len(records)) for at, records in self.records.items()}, dict(self.commits))

    async def read(self, wanted: Mapping[tuple[str, int], tuple[int, int]]) -> AsyncIterator[Sequence[Record]]:
        """The records of these spans."""
        for at, (first, end) in wanted.items():
            yield self.records[at][first:end]
