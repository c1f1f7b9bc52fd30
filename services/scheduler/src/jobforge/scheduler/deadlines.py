"""Looks after unfinished runs: ends or puts back those that would never end by themselves."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Protocol
from uuid import UUID

from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from jobforge.chassis.logs import get_logger
from jobforge.chassis.metrics import DEADLINES_LOOK_SECONDS
from jobforge.chassis.view_names import watermark
from jobforge.chassis.wire import Clock, Partition
from jobforge.contracts.identity import run_key
from jobforge.contracts.topics import RUNS
from jobforge.scheduler.acting import Acts, Unheard
from jobforge.scheduler.open_runs import Member, OpenRuns
from jobforge.scheduler.rows import OpenRun
from jobforge.scheduler.searching import Log, Search
from jobforge.scheduler.trust import Trust
from jobforge.scheduler.verdicts import (
    PUT_OFF,
    SOON,
    Close,
    Forget,
    LookAgain,
    Patience,
    Republish,
    Republished,
    Verdict,
    decide,
)
from jobforge.scheduler.verdicts import Search as Searched

MOST_RUNS = 200
"""Runs of a partition that one look takes."""
AT_ONCE = 32
"""Runs that are acted on together."""
VIEW_WAIT, VIEW_PROBE = 2.0, 0.05
"""Seconds: how long a look waits for the view to reach the ends of the log, and how often it asks."""

log = get_logger()


class LeaseBook(Protocol):
    """Who works on a run now."""

    async def held(self, runs: Sequence[tuple[str, UUID]]) -> list[bool]:
        """For each run whether somebody holds a live lease on it; raises ``RedisError`` or ``OSError``."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """One due run as a look found it."""

    member: Member
    run: OpenRun
    held: bool
    republished: Republished


def _now() -> datetime:
    return datetime.now(UTC)


class Deadlines:
    """Tends the open runs of the partitions that ``tended`` names.

    Two members that tend the same partition for a moment do no harm: the first terminal record of a run counts.
    """

    def __init__(
        self,
        tended: Callable[[], Iterable[int]],
        open_runs: OpenRuns,
        leases: LeaseBook,
        view_of: Log,
        search: Search,
        acts: Acts,
        *,
        patience: Patience,
        now: Callable[[], datetime] = _now,
        clock: Clock = monotonic,
    ) -> None:
        self._tended = tended
        self._open_runs = open_runs
        self._leases = leases
        self._log = view_of
        self._search = search
        self._acts = acts
        self._patience = patience
        self._now = now
        self._clock = clock
        self._trust = Trust(patience.unsettled)
        self._troubled = False
        self._unheard: set[tuple[int, str]] = set()
        """Partitions and topics of which nothing could be learned when they were last asked for."""

    async def run(self) -> None:
        """Look, until cancelled; what a look cannot do, the next one does."""
        task = asyncio.current_task()
        # The Redis client may swallow a cancellation that meets a connection being made; the task remembers it.
        while task is None or not task.cancelling():
            began = self._clock()
            try:
                await self.look()
                self._troubled = False
            except (RedisError, OSError) as error:
                if not self._troubled:
                    log.warning("deadlines.not_looked", error=repr(error))
                self._troubled = True
            except Exception:
                log.exception("deadlines.failed")
            DEADLINES_LOOK_SECONDS.observe(self._clock() - began)
            await asyncio.sleep(self._patience.every.total_seconds())

    async def look(self) -> None:
        """Look once at every run that is due; raises ``RedisError`` or ``OSError`` while Redis is away.

        A log that does not answer for one partition of a topic puts off the runs that stand there alone.
        """
        tended = sorted(self._tended())
        try:
            await self._glance(tended)
            for partition in tended:
                await self._tend(partition)
        except (RedisError, OSError):
            self._trust.shaken(self._clock())
            raise

    async def _glance(self, tended: Sequence[int]) -> None:
        glance = await self._open_runs.glance()
        self._trust.looked(
            tended, token=glance.token, watermarks=glance.watermarks, time=self._clock(), now=self._now()
        )

    async def _tend(self, partition: int) -> None:
        members = await self._open_runs.due(partition, self._now(), MOST_RUNS)
        if not members:
            return
        judged = [(seen, self._decide(partition, seen)) for seen in await self._see(partition, members)]
        await self._file(partition, judged)
        serious = [(seen, verdict) for seen, verdict in judged if isinstance(verdict, Searched | Republish | Close)]
        if serious:
            await self._act(partition, serious)

    async def _see(self, partition: int, members: Sequence[Member]) -> list[Seen]:
        rows = await self._open_runs.rows(members)
        await self._open_runs.forget(partition, [m for m, run in zip(members, rows, strict=True) if run is None])
        known = [(member, run) for member, run in zip(members, rows, strict=True) if run is not None]
        held = await self._leases.held([(run.tenant_id, run.run_id) for _, run in known])
        counts = await self._open_runs.republished([member for member, _ in known])
        return [Seen(m, run, live, count) for (m, run), live, count in zip(known, held, counts, strict=True)]

    def _decide(self, partition: int, seen: Seen, lost: frozenset[bytes] | None = None) -> Verdict:
        key = run_key(seen.run.tenant_id, seen.run.run_id)
        return decide(
            seen.run,
            now=self._now(),
            held=seen.held,
            settled=self._trust.settled(partition, self._clock()),
            patience=self._patience,
            republished=seen.republished,
            whereabouts="unasked" if lost is None else "nowhere" if key in lost else "waiting",
        )

    async def _file(self, partition: int, judged: Iterable[tuple[Seen, Verdict]]) -> None:
        """Put down what needs no act."""
        judged = list(judged)
        await self._open_runs.forget(
            partition, [seen.member for seen, verdict in judged if isinstance(verdict, Forget)]
        )
        later = [(seen.member, verdict.at) for seen, verdict in judged if isinstance(verdict, LookAgain)]
        await self._open_runs.look_again(partition, later)

    async def _act(self, partition: int, serious: Sequence[tuple[Seen, Verdict]]) -> None:
        """Decide once more, on rows that hold all that the log held when the search was over, and act on it."""
        try:
            lost, ends = await self._ask(partition, serious)
        except (KafkaError, OSError) as error:
            await self._not_heard(partition, serious, error)
            return
        self._unheard -= {(partition, _stands_at(each)[0]) for each in serious}
        if not await self._view_reaches(ends):
            log.info("deadlines.view_behind", partition=partition, runs=len(serious))
            return
        await self._glance(sorted(self._tended()))
        again = await self._see(partition, [seen.member for seen, _ in serious])
        judged = [(seen, self._decide(partition, seen, lost)) for seen in again]
        await self._file(partition, judged)
        judged.sort(key=_stands_at)
        for first in range(0, len(judged), AT_ONCE):
            some = judged[first : first + AT_ONCE]
            await asyncio.gather(*(self._carry_out(partition, seen, verdict) for seen, verdict in some))

    async def _not_heard(self, partition: int, serious: Sequence[tuple[Seen, Verdict]], error: Exception) -> None:
        """One topic in trouble puts off its own runs alone."""
        topics = sorted({_stands_at(each)[0] for each in serious})
        if len(topics) > 1:
            for topic in topics:
                await self._act(partition, [each for each in serious if _stands_at(each)[0] == topic])
            return
        if (partition, topics[0]) not in self._unheard:
            log.warning("deadlines.log_unheard", partition=partition, topic=topics[0], error=repr(error))
        self._unheard.add((partition, topics[0]))
        later = self._now() + PUT_OFF
        await self._open_runs.look_again(partition, [(seen.member, later) for seen, _ in serious])

    async def _ask(
        self, partition: int, serious: Sequence[tuple[Seen, Verdict]]
    ) -> tuple[frozenset[bytes], Mapping[str, int]]:
        """What nobody will read, and then where the log of these runs ends; raises ``KafkaError`` or ``OSError``."""
        searched = [seen.run for seen, verdict in serious if not isinstance(verdict, Close)]
        lost = await self._search.nowhere(partition, searched) if searched else frozenset[bytes]()
        requests = [seen.run.request for seen, _ in serious if seen.run.request is not None]
        known = {request.topic for request in requests if request.topic is not None} & set(await self._log.topics())
        wanted = [Partition(topic, partition) for topic in sorted({RUNS.name, *known})]
        return lost, {watermark(at): end for at, end in (await self._log.ends(wanted)).items()}

    async def _carry_out(self, partition: int, seen: Seen, verdict: Verdict) -> None:
        next_look = self._now() + SOON
        try:
            if isinstance(verdict, Close):
                await self._acts.close(seen.run, verdict)
            elif isinstance(verdict, Republish):
                await self._acts.republish(seen.run, verdict.count)
                next_look = self._now() + self._patience.after(verdict.count)
                await self._open_runs.remember(seen.member, Republished(verdict.count, next_look))
            else:
                return
        except Unheard as why:
            next_look = self._now() + PUT_OFF
            log.warning("run.not_tended", run_id=str(seen.run.run_id), verdict=type(verdict).__name__, error=str(why))
        await self._open_runs.look_again(partition, [(seen.member, next_look)])

    async def _view_reaches(self, ends: Mapping[str, int]) -> bool:
        """Whether the rows hold all that the log held up to there."""
        clock = asyncio.get_running_loop().time
        until = clock() + VIEW_WAIT
        while not _reached(ends, (await self._open_runs.glance()).watermarks):
            if clock() > until:
                return False
            await asyncio.sleep(VIEW_PROBE)
        return True


def _stands_at(judged: tuple[Seen, Verdict]) -> tuple[str, int]:
    """Where the request stands: asked for in the order of the log, requests are fetched together."""
    request = judged[0].run.request
    return ("", 0) if request is None else (request.topic or "", request.offset or 0)


def _reached(ends: Mapping[str, int], watermarks: Mapping[str, int]) -> bool:
    return all(watermarks.get(field, 0) >= end for field, end in ends.items())
