"""A poll has its records as soon as they are there, and whatever changes what is to be asked for starts a new round."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import KafkaError

from jobforge.chassis.direct_fetching import install
from jobforge.testkit.waiting import until


class Assignment:
    """What a member holds until it is unassigned."""

    def __init__(self) -> None:
        self.active = True
        self.unassign_future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def lose(self) -> None:
        """A rebalance took it."""
        self.active = False
        self.unassign_future.set_result(None)


class Subscriptions:
    """aiokafka's subscription state as far as a fetcher looks at it."""

    reassignment_in_progress = False

    def __init__(self) -> None:
        self.assigned: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.subscription = SimpleNamespace(assignment=None)

    def register_fetch_waiters(self, waiters: Any) -> None:
        """Told of the coordinator's errors."""

    async def wait_for_assignment(self) -> None:
        """Until there is one."""
        await asyncio.shield(self.assigned)

    def assign(self) -> Assignment:
        """The group has settled."""
        made = Assignment()
        self.subscription.assignment = made
        if not self.assigned.done():
            self.assigned.set_result(None)
        return made


class Fetching:
    """A fetcher whose requests the test answers."""

    def __init__(self) -> None:
        install()
        install()
        self.subscriptions = Subscriptions()
        self.asked: list[asyncio.Future[bool]] = []
        self.fetcher: Any = Fetcher(AIOKafkaClient(bootstrap_servers="127.0.0.1:1"), self.subscriptions)
        self.fetcher._get_actions_per_node = self._actions
        self.fetcher._proc_fetch_request = self._fetch

    def _actions(self, assignment: Assignment) -> tuple[Any, ...]:
        idle = 0 not in self.fetcher._in_flight and not self.fetcher._records
        return [(0, "request")] if idle else [], {}, 0.05, False, []

    async def _fetch(self, assignment: Assignment, node: int, request: str) -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.asked.append(answer)
        try:
            return await answer
        except asyncio.CancelledError:
            return False


@pytest.fixture
async def fetching() -> AsyncIterator[Fetching]:
    """A fetcher that runs, without an assignment."""
    made = Fetching()
    yield made
    if not made.fetcher._closed:
        await made.fetcher.close()


async def test_nothing_is_asked_before_there_is_an_assignment(fetching: Fetching) -> None:
    """And then at once."""
    await asyncio.sleep(0.01)
    assert fetching.asked == []
    fetching.subscriptions.assign()
    await until(lambda: len(fetching.asked) == 1)


async def test_the_next_request_follows_the_answer_to_the_last(fetching: Fetching) -> None:
    """One to a broker at a time, with records or without."""
    fetching.subscriptions.assign()
    for count in (1, 2, 3):
        await until(lambda count=count: len(fetching.asked) == count)  # type: ignore[misc]  # a lambda's default
        fetching.asked[-1].set_result(False)


async def test_a_poll_ends_when_records_come_and_not_before(fetching: Fetching) -> None:
    """Answers without any wake nobody."""
    fetching.subscriptions.assign()
    await until(lambda: len(fetching.asked) == 1)
    waiter = fetching.fetcher._create_fetch_waiter()
    fetching.asked[0].set_result(False)
    await until(lambda: len(fetching.asked) == 2)
    assert not waiter.done()
    fetching.asked[1].set_result(True)
    await asyncio.wait_for(waiter, 5)


async def test_what_was_fetched_is_dealt_with_before_more_is_asked_for(fetching: Fetching) -> None:
    """Whoever polled, and the tasks that it started before it polled again, have their turn; nobody is waited for."""

    async def deal() -> None:
        await asyncio.sleep(0)
        assert len(fetching.asked) == 1

    async def poll(waiter: "asyncio.Future[None]") -> None:
        await waiter
        tasks.append(asyncio.create_task(deal()))
        fetching.fetcher._create_fetch_waiter()

    tasks: list[asyncio.Task[None]] = []
    fetching.subscriptions.assign()
    await until(lambda: len(fetching.asked) == 1)
    polling = asyncio.create_task(poll(fetching.fetcher._create_fetch_waiter()))
    await asyncio.sleep(0)
    fetching.asked[0].set_result(True)
    await polling
    await tasks[0]
    await until(lambda: len(fetching.asked) == 2)


async def test_a_poll_for_which_nothing_comes_ends_in_time(fetching: Fetching) -> None:
    """With nothing, and leaves no waiter behind."""
    fetching.subscriptions.assign()
    assert await fetching.fetcher.fetched_records((), 0.02, max_records=5) == {}
    await asyncio.sleep(0)
    assert not fetching.fetcher._fetch_waiters


async def test_a_poll_never_outlasts_its_time_while_the_group_settles(fetching: Fetching) -> None:
    """A broker that is away then would hold it for ever."""
    fetching.subscriptions.assign()
    polling = asyncio.create_task(fetching.fetcher.fetched_records((), 0.05))
    await until(lambda: bool(fetching.fetcher._fetch_waiters))
    fetching.subscriptions.reassignment_in_progress = True
    fetching.subscriptions.assigned = asyncio.get_running_loop().create_future()
    assert await asyncio.wait_for(polling, 5) == {}


async def test_an_assignment_that_is_lost_ends_its_requests_and_the_next_one_begins_anew(fetching: Fetching) -> None:
    """What was fetched for it is forgotten."""
    lost = fetching.subscriptions.assign()
    await until(lambda: len(fetching.asked) == 1)
    fetching.fetcher._records["a"] = "record"
    fetching.subscriptions.subscription.assignment = None
    fetching.subscriptions.assigned = asyncio.get_running_loop().create_future()
    lost.lose()
    await until(lambda: fetching.asked[0].cancelled())
    await until(lambda: not fetching.fetcher._records)
    fetching.subscriptions.assign()
    await until(lambda: len(fetching.asked) == 2)


async def test_a_fetcher_that_is_closed_leaves_nothing_under_way(fetching: Fetching) -> None:
    """And whoever polls is told."""
    fetching.subscriptions.assign()
    await until(lambda: len(fetching.asked) == 1)
    polling = asyncio.create_task(fetching.fetcher.fetched_records((), 10))
    await until(lambda: bool(fetching.fetcher._fetch_waiters))
    await fetching.fetcher.close()
    assert await polling == {}
    assert not fetching.fetcher._pending_tasks
    assert fetching.asked[0].cancelled()


async def test_a_request_that_fails_as_none_should_ends_the_fetcher_so_that_liveness_sees_it(
    fetching: Fetching,
) -> None:
    """Rather than asking for nothing for ever."""
    fetching.subscriptions.assign()
    await until(lambda: len(fetching.asked) == 1)
    fetching.asked[0].set_exception(RuntimeError("unheard of"))
    task = fetching.fetcher._fetch_task
    with pytest.raises(KafkaError):
        await task
    assert task.done()
    fetching.fetcher._closed = True
