"""aiokafka's fetcher with one future to wake it, where it waits for a set of tasks in every round.

What is between an answer of Kafka and whoever polls is time of a job, at each of its hops.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import KafkaError

from jobforge.chassis.futures import wake, woken

log = logging.getLogger(__name__)

REST = 0.001
"""Seconds that whoever polled has for what it got, before the next round: it polls again when it is done."""
TURNS = 2
"""Turns of the loop until the tasks that it started for that have asked what they have to ask."""

_ROUNDS = "_rounds_of_direct_fetching"


class _Rounds:
    """The rounds of one fetcher: what it has to ask for is asked, until something changes that."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._loop = asyncio.get_running_loop()
        self._assignment: Any = None
        self._failure: BaseException | None = None
        self._back: asyncio.Future[None] | None = None

    def polled(self) -> None:
        """Somebody waits for records again."""
        if self._back is not None:
            wake(self._back)

    async def run(self) -> None:
        """Go round until cancelled; raises what went wrong in a request and should not have."""
        while self._failure is None:
            if self._assignment is None or not self._assignment.active:
                await self._begin_anew()
            if self._assignment is not None:
                await self._round(self._assignment)
        raise self._failure

    async def give_up(self) -> None:
        """Cancel what is under way."""
        tasks = list(self._fetcher._pending_tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._fetcher._pending_tasks.clear()

    async def _begin_anew(self) -> None:
        """Forget the assignment that was lost, and wait for the next one."""
        fetcher = self._fetcher
        await self.give_up()
        fetcher._records.clear()
        self._assignment = None
        subscriptions = fetcher._subscriptions
        if subscriptions.subscription is None or subscriptions.subscription.assignment is None:
            with suppress(KafkaError):  # the coordinator's errors are told to whoever polls
                await subscriptions.wait_for_assignment()
        if subscriptions.subscription is not None:
            self._assignment = subscriptions.subscription.assignment

    async def _round(self, assignment: Any) -> None:
        """Ask for what is to be asked for now, and wait until that may have changed."""
        fetcher = self._fetcher
        changed = fetcher._wait_consume_future = self._loop.create_future()
        fetches, resets, timeout, leaderless, resumed = fetcher._get_actions_per_node(assignment)
        for node, request in fetches:
            self._start(node, fetcher._proc_fetch_request(assignment, node, request))
        for node, partitions in resets.items():
            self._start(node, fetcher._update_fetch_positions(assignment, node, partitions))
        watched = [assignment.unassign_future, *resumed]
        if leaderless:
            watched.append(fetcher._client.force_metadata_update())
        wake_up = partial(wake, changed)
        for each in watched:
            each.add_done_callback(wake_up)
        try:
            await woken(changed, timeout)
        finally:
            for each in watched:
                each.remove_done_callback(wake_up)
        await self._rest()

    async def _rest(self) -> None:
        """Let what was fetched be dealt with first, since somebody waits for what comes of it."""
        if not self._fetcher._fetch_waiters:
            self._back = self._loop.create_future()
            try:
                await woken(self._back, REST)
            finally:
                self._back = None
        for _ in range(TURNS):
            await asyncio.sleep(0)

    def _start(self, node: Any, work: Coroutine[Any, Any, Any]) -> None:
        self._fetcher._in_flight.add(node)
        task = self._loop.create_task(self._work(node, work))
        self._fetcher._pending_tasks.add(task)
        task.add_done_callback(self._ended)

    async def _work(self, node: Any, work: Coroutine[Any, Any, Any]) -> None:
        fetcher = self._fetcher
        try:
            if await work:
                for waiter in list(fetcher._fetch_waiters):
                    wake(waiter)
        finally:
            fetcher._in_flight.discard(node)
            wake(fetcher._wait_consume_future)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._fetcher._pending_tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            wake(self._fetcher._wait_consume_future)


def install() -> None:
    """Let every consumer of the process that is made from now on fetch like this; again changes nothing."""
    Fetcher._fetch_requests_routine = _routine
    Fetcher.fetched_records = _fetched_records


_fetched_records_now = Fetcher.fetched_records


async def _routine(self: Fetcher) -> None:
    """See ``Fetcher._fetch_requests_routine``."""
    rounds = _Rounds(self)
    setattr(self, _ROUNDS, rounds)
    try:
        await rounds.run()
    except asyncio.CancelledError:
        await rounds.give_up()
    except Exception as error:
        log.exception("the fetcher of a consumer failed")
        raise KafkaError("the fetcher of this consumer failed") from error


async def _fetched_records(
    self: Fetcher, partitions: Any, timeout: float = 0, max_records: int | None = None
) -> Mapping[Any, list[Any]]:
    """See ``Fetcher.fetched_records``."""
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout
    while True:
        drained: Mapping[Any, list[Any]] = await _fetched_records_now(self, partitions, 0, max_records)
        left = until - loop.time()
        if drained or left <= 0:
            return drained
        waiter: asyncio.Future[None] = self._create_fetch_waiter()
        if (rounds := getattr(self, _ROUNDS, None)) is not None:
            rounds.polled()
        await woken(waiter, left)
        # While the group settles aiokafka's own read would wait for that, whatever the time-out.
        if self._closed or self._subscriptions.reassignment_in_progress:
            return {}
