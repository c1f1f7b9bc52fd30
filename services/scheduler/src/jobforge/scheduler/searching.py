"""Finds out whether anybody will still read a run's record: only then it need not be put back."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from jobforge.chassis.logs import get_logger
from jobforge.chassis.wire import Partition
from jobforge.contracts.identity import domain_of, run_key
from jobforge.contracts.topics import JOBS, RETRY_TIERS, RUNS, SLOW_JOBS
from jobforge.scheduler.retries import GROUP
from jobforge.scheduler.rows import OpenRun

MOST_READ = 20_000
"""Records read for one search; a longer backlog is taken to hold what is searched for."""

log = get_logger()


class Log(Protocol):
    """What is asked of the log; each raises ``KafkaError`` or ``OSError`` while it is away."""

    async def topics(self) -> Iterable[str]:
        """The names of all topics."""
        ...

    async def ends(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """The end offset of each partition."""
        ...

    async def bounds(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """The first offset of each partition, and the offset after its last record."""
        ...

    async def committed(self, group: str) -> Mapping[Partition, int]:
        """What a group committed."""
        ...


class Keys(Protocol):
    """Where unread records are looked through."""

    async def unread(
        self, ranges: Mapping[Partition, tuple[int, int]], keys: Collection[bytes], *, most: int
    ) -> frozenset[bytes]:
        """Which of these keys are in the ranges; all of them when that cannot be ruled out."""
        ...


class Search:
    """Looks for records between what the groups committed and the end of the log.

    Whoever moves a record writes it to its next place before it commits the last one. So at any moment a record that is
    still to be read stands, in one of its topics, after the commit of the group that reads that topic. The commits are
    asked for in the order in which records travel on, the ends last: nothing can slip past.
    """

    def __init__(self, log: Log, keys: Keys) -> None:
        self._log = log
        self._keys = keys

    async def nowhere(self, partition: int, runs: Sequence[OpenRun]) -> frozenset[bytes]:
        """The keys of those runs, all of one partition, whose records nobody will read.

        Raises ``KafkaError`` or ``OSError`` while the log is away.
        """
        lost: set[bytes] = set()
        by_domain: dict[str, list[OpenRun]] = {}
        for run in runs:
            if run.request is not None:
                by_domain.setdefault(domain_of(run.request.template_key), []).append(run)
        known = frozenset(await self._log.topics())
        if RUNS.name not in known:
            raise ConnectionError("the broker does not know the plane's topics yet")
        for domain, mine in by_domain.items():
            committed = dict(await self._log.committed(f"jobs-{domain}"))
            past = [run for run in mine if _is_past(run, partition, committed)]
            waiting = [run for run in mine if not _is_past(run, partition, committed)]
            unseen = [*past, *await self._gone(partition, waiting, known)]
            if unseen:
                lost |= await self._search(domain, partition, unseen, committed, known)
        return frozenset(lost)

    async def _gone(self, partition: int, runs: Sequence[OpenRun], known: frozenset[str]) -> list[OpenRun]:
        """Those whose requests no worker can read, though none has committed past them: the log holds them no more."""
        topics = {run.request.topic for run in runs if run.request is not None and run.request.topic is not None}
        wanted = [Partition(topic, partition) for topic in sorted(topics & known)]
        bounds = await self._log.bounds(wanted) if wanted else {}
        return [run for run in runs if _is_gone(run, partition, bounds, topics - known)]

    async def _search(
        self,
        domain: str,
        partition: int,
        runs: Sequence[OpenRun],
        committed: Mapping[Partition, int],
        known: frozenset[str],
    ) -> frozenset[bytes]:
        moved = await self._log.committed(GROUP)
        jobs = [Partition(topic.named(domain), partition) for topic in (JOBS, SLOW_JOBS)]
        tiers = [Partition(tier.topic.name, partition) for tier in RETRY_TIERS]
        bounds = await self._log.bounds([at for at in (*jobs, *tiers) if at.topic in known])
        read_to = {**{at: committed.get(at, 0) for at in jobs}, **{at: moved.get(at, 0) for at in tiers}}
        ranges = {at: (_from(read_to[at], *each), each[1]) for at, each in bounds.items()}
        unread = {at: (first, end) for at, (first, end) in ranges.items() if first < end}
        keys = frozenset(run_key(run.tenant_id, run.run_id) for run in runs)
        try:
            return keys - await self._keys.unread(unread, keys, most=MOST_READ)
        except TimeoutError:
            log.info("search.given_up", domain=domain, partition=partition)
            return frozenset()


def _is_past(run: OpenRun, partition: int, committed: Mapping[Partition, int]) -> bool:
    """Whether the group committed past the request's record, which is all it takes for most runs: they just wait."""
    request = run.request
    if request is None or request.topic is None or request.offset is None:
        return False
    return committed.get(Partition(request.topic, partition), 0) > request.offset


def _is_gone(
    run: OpenRun, partition: int, bounds: Mapping[Partition, tuple[int, int]], missing: Collection[str]
) -> bool:
    """Whether the request stands outside of what the log holds."""
    request = run.request
    if request is None or request.topic is None or request.offset is None:
        return False
    first, end = bounds.get(Partition(request.topic, partition), (0, request.offset + 1))
    return request.topic in missing or not first <= request.offset < end


def _from(committed: int, first: int, end: int) -> int:
    """Where a group reads on: a commit that is not in the log any more sends it to the first offset there is."""
    return committed if first <= committed <= end else first
