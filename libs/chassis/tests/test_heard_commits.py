"""Commits that are given up while their request is on its way."""

import asyncio
import gc
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupAuthorizationFailedError, RequestTimedOutError

from jobforge.chassis import heard_commits


class Coordinator:
    """What aiokafka's own ``commit_offsets`` asks of a coordinator, with requests that end as a test says."""

    commit_offsets = GroupCoordinator.commit_offsets

    def __init__(self) -> None:
        self._commit_lock = asyncio.Lock()
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def ensure_coordinator_known(self) -> None:
        pass

    async def _do_commit_offsets(self, *_: object) -> None:
        await self.answer


def installed() -> Coordinator:
    coordinator = Coordinator()
    heard_commits.install(cast("Any", SimpleNamespace(_coordinator=coordinator)))
    return coordinator


async def test_a_commit_given_up_before_its_request_failed_leaves_no_error_in_the_log() -> None:
    coordinator, errors = installed(), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, error: errors.append(error))
    committing = asyncio.create_task(coordinator.commit_offsets(None, {}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    committing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await committing
    coordinator.answer.set_exception(RequestTimedOutError())
    del committing, coordinator
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    assert not errors


async def test_a_commit_tells_whoever_waits_for_it_how_it_ended() -> None:
    coordinator = installed()
    coordinator.answer.set_exception(GroupAuthorizationFailedError())
    coordinator.answer.exception()
    with pytest.raises(GroupAuthorizationFailedError):
        async with asyncio.timeout(5):
            await coordinator.commit_offsets(None, {})
