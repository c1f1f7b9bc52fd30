"""A plane of which only the scheduler lives: the test plays the projection and the workers, and moves the clocks."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from jobforge.chassis.wire import Partition, Position, Record, RecordGone
from jobforge.contracts.identity import run_key
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RUN_RECORDS
from jobforge.testkit.builders import job_requested, publish_job
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.view_by_hand import ViewByHand

JOBS, SLOW, RUNS = "jobforge.jobs.echo", "jobforge.jobs.echo.slow", "jobforge.runs"
FOLDED = (RUNS, JOBS, SLOW)


@dataclass
class AskedLog:
    """A log in memory, as somebody asks it who belongs to no group."""

    log: MemoryLog
    unheard: set[str] = field(default_factory=set)
    """Topics of which nothing is answered: no broker that leads them can be reached."""

    async def topics(self) -> Iterable[str]:
        """The names of all topics."""
        return await self.log.topics()

    async def ends(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """The end offset of each partition; of a topic that is not there nobody answers."""
        return {at: end for at, (_, end) in (await self.bounds(partitions)).items()}

    async def bounds(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """First offset and end of each partition; of a topic that is not there nobody answers."""
        wanted = list(partitions)
        answered = await self.log.topics() - self.unheard
        if not all(at.topic in answered for at in wanted):
            raise TimeoutError("nobody answers")
        return await self.log.bounds(wanted)

    async def committed(self, group: str) -> Mapping[Partition, int]:
        """What a group committed."""
        every = [
            Partition(topic, number)
            for topic in await self.log.topics()
            for number in range(self.log.partitions(topic))
        ]
        return {at: offset for at in every if (offset := self.log.committed(group, at)) is not None}

    async def record(self, position: Position) -> Record:
        """The record at a position; raises ``RecordGone``."""
        at = Partition(position.topic, position.partition)
        if at.topic in self.unheard:
            raise TimeoutError("nobody answers")
        found = self.log.read(at, position.offset, 1) if at.topic in await self.log.topics() else []
        if [record.offset for record in found] != [position.offset]:
            raise RecordGone(str(position))
        return found[0]

    async def unread(
        self, ranges: Mapping[Partition, tuple[int, int]], keys: Collection[bytes], *, most: int
    ) -> frozenset[bytes]:
        """Which of these keys are in the ranges."""
        found = [record.key for at, (first, end) in ranges.items() for record in self.log.read(at, first, end - first)]
        return frozenset(key for key in keys if key in found)


@dataclass
class Tended:
    """The log, the view and the clocks of such a plane."""

    log: MemoryLog
    redis: Redis
    partitions: int
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    time: float = 1000.0
    look: Callable[[], Awaitable[None]] | None = None
    asked: AskedLog = field(init=False)
    """The log as the scheduler asks it."""

    def __post_init__(self) -> None:
        self.asked = AskedLog(self.log)

    @property
    def view(self) -> ViewByHand:
        """Rows, open runs and leases."""
        return ViewByHand(self.redis, partitions=self.partitions)

    async def request(self, inputs: dict[str, Any] | None = None, *, start_within: float | None = None) -> JobRequested:
        """A request is accepted now, and folded."""
        start_by = None if start_within is None else self.now + timedelta(seconds=start_within)
        request = job_requested(inputs, start_by=start_by, attempts=3).model_copy(update={"requested_at": self.now})
        await publish_job(self.log.publisher(), request, partitions=self.partitions)
        at = Partition(JOBS, self.view.partition(request))
        await self.view.accepted(request, Position(*at, self.log.end(at) - 1))
        await self.fold()
        return request

    async def lived(self, request: JobRequested, status: str, *, deadline: float | None = None) -> None:
        """The first attempt began now, and is over in so many seconds, or retries."""
        over = None if deadline is None else self.now + timedelta(seconds=deadline)
        await self.view.lived(request, status, started_at=self.now, deadline=over)

    async def fold(self) -> None:
        """The view reaches the ends of the log, and holds what has ended."""
        for end in self.ends():
            await self.view.ended(end.tenant_id, end.run_id)
        there = [topic for topic in FOLDED if topic in await self.log.topics()]
        every = [Partition(topic, number) for topic in there for number in range(self.partitions)]
        await self.view.reached(await self.log.ends(every))

    async def pass_by(self, seconds: int, *, every: int = 1) -> None:
        """Time goes on, and the scheduler looks every so many seconds."""
        assert self.look is not None
        for _ in range(seconds // every):
            self.now += timedelta(seconds=every)
            self.time += every
            await self.look()
            await self.fold()

    def read_to_the_end(self, *topics: str, group: str = "jobs-echo") -> None:
        """A group has read these topics and committed."""
        for topic in topics:
            for at in (Partition(topic, number) for number in range(self.partitions)):
                self.log.commit(group, at, self.log.end(at))

    def ends(self) -> list[Any]:
        """The terminal records."""
        return [RUN_RECORDS.validate_json(record.value or b"") for record in self.log.records(RUNS)]

    def requests(self, request: JobRequested, topic: str = JOBS) -> list[Record]:
        """Every record of a run's request."""
        key = run_key(request.tenant_id, request.run_id)
        return [record for record in self.log.records(topic) if record.key == key]

    async def is_open(self, request: JobRequested) -> bool:
        """Whether the run is still looked at."""
        return run_key(request.tenant_id, request.run_id).decode() in await self.view.open()
