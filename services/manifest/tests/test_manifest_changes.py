"""When a process may answer from what it applied itself, and when it has to ask: never older than what was shown."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from uuid import UUID

import pytest
from aiokafka.errors import KafkaConnectionError
from redis.asyncio import Redis

from jobforge.chassis.wire import Partition
from jobforge.manifest import keys
from jobforge.manifest.freshness import Freshness
from jobforge.manifest.projection import fold, request_of
from jobforge.manifest.push import PATIENCE, REMEMBERED, SMALL, Changes
from jobforge.manifest.states import NOTHING
from jobforge.manifest.store import Store
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.run_records import requested, started, succeeded
from jobforge.testkit.waiting import until

RUN = UUID(int=7)
ROW = keys.row("acme", RUN)
RUNS, JOBS = Partition("jobforge.runs", 0), Partition("jobforge.jobs.echo", 0)
RUNNING = fold(NOTHING, started(RUN), 0).state
ENDED = fold(RUNNING, succeeded(RUN), 1).state


@pytest.fixture
def changes(redis: Redis, log: MemoryLog) -> Changes:
    """Of a process that has applied nothing yet."""
    return Changes(redis, Store(redis), Freshness(log, partitions=1))


def apply_running(changes: Changes) -> None:
    """This process applies a request and its start."""
    changes.applied(JOBS, 1, {ROW: request_of(requested(RUN))})
    changes.applied(RUNS, 1, {ROW: RUNNING})


async def test_what_this_process_just_applied_is_known(changes: Changes) -> None:
    """Other rows of the partition may move on meanwhile; a request alone says nothing of the run."""
    changes.applied(JOBS, 1, {ROW: request_of(requested(RUN))})
    assert changes.known(ROW) is None
    apply_running(changes)
    changes.applied(RUNS, 2, {keys.row("acme", UUID(int=8)): RUNNING})
    known = changes.known(ROW)
    assert known is not None
    assert (known.run, known.at) == (RUNNING, 1)


async def test_a_run_whose_request_was_applied_elsewhere_has_to_be_read(changes: Changes) -> None:
    """Half a row is no answer, unless the run has ended: then its end says what was asked for."""
    changes.applied(RUNS, 1, {ROW: RUNNING})
    assert changes.known(ROW) is None
    changes.applied(RUNS, 2, {ROW: ENDED})
    assert changes.known(ROW) is not None


async def test_once_another_process_moved_the_partition_only_ends_are_known(changes: Changes) -> None:
    """What a process that slept remembers may be older than what others show; an end never is."""
    apply_running(changes)
    changes._heard({"type": "message", "data": b"jobforge.runs/0 5 " + ROW.encode()})
    assert changes.known(ROW) is None
    changes.applied(RUNS, 6, {ROW: ENDED})
    changes._heard({"type": "message", "data": b"jobforge.runs/0 9"})
    assert changes.known(ROW) is not None


async def test_the_manifest_of_a_run_that_this_process_just_ended_is_known_unless_it_is_large(changes: Changes) -> None:
    """A large one is read when somebody asks for it."""
    small, large = ROW, keys.row("acme", UUID(int=8))
    changes.applied(RUNS, 2, {small: ENDED, large: ENDED}, {small: b"m" * SMALL, large: b"m" * (SMALL + 1)})
    known = changes.sealed(small)
    assert known is not None
    assert known.shown("acme", RUN).manifest == b"m" * SMALL
    assert changes.sealed(large) is None
    changes.applied(RUNS, 3, {small: ENDED._replace(duplicates=1)})
    assert known.shown("acme", RUN).run == ENDED._replace(duplicates=1)


async def test_a_remembered_manifest_never_stands_at_an_older_position_than_what_was_shown(changes: Changes) -> None:
    """Other runs of the partition went on, and somebody has read one of them."""
    changes.applied(RUNS, 2, {ROW: ENDED}, {ROW: b"manifest"})
    changes.applied(RUNS, 9, {keys.row("acme", UUID(int=8)): RUNNING})
    known = changes.sealed(ROW)
    assert known is not None
    assert known.shown("acme", RUN).as_of == "jobforge.runs/0@9"


async def test_a_manifest_is_read_once_another_process_may_have_counted_what_came_after_its_end(
    changes: Changes,
) -> None:
    """The count never goes back."""
    changes.applied(RUNS, 2, {ROW: ENDED}, {ROW: b"manifest"})
    changes._heard({"type": "message", "data": b"jobforge.runs/0 3 " + ROW.encode()})
    assert changes.sealed(ROW) is None


async def test_after_a_gap_nothing_is_known(changes: Changes) -> None:
    """While the view is built again, older states pass by: they are below what was shown, and answer nobody."""
    apply_running(changes)
    changes.applied(RUNS, 3, {ROW: ENDED})
    changes.lost()
    assert changes.known(ROW) is None
    apply_running(changes)
    assert changes.known(ROW) is None


async def test_who_waits_is_woken_by_this_process_and_by_others(changes: Changes) -> None:
    """And knows whether the row has to be read. What this process announces itself wakes nobody twice."""
    with changes.watching(ROW) as watch:
        changes.applying(RUNS, 1)
        changes._heard({"type": "message", "data": b"jobforge.runs/0 1 " + ROW.encode()})
        changes.applied(RUNS, 1, {ROW: RUNNING})
        assert await watch.changed(1) is False
        changes._heard({"type": "message", "data": b"jobforge.runs/0 2 " + ROW.encode()})
        assert await watch.changed(1) is True
        changes.lost()
        assert await watch.changed(1) is True


async def test_one_message_tells_of_several_batches_and_what_is_known_of_one_does_not_hide_the_other(
    changes: Changes,
) -> None:
    """This process announced the first itself, and knows nothing of the second."""
    other = keys.row("acme", UUID(int=8))
    with changes.watching(ROW) as own, changes.watching(other) as foreign:
        changes.applying(RUNS, 1)
        said = f"jobforge.runs/0 1 {ROW}\njobforge.runs/1 9 {other}"
        changes._heard({"type": "message", "data": said.encode()})
        assert await foreign.changed(1) is True
        assert await own.changed(0.01) is None


async def test_a_bounded_number_of_rows_is_remembered(changes: Changes) -> None:
    """The ones applied last."""
    for number in range(REMEMBERED + 10):
        changes.applied(RUNS, number + 1, {keys.row("acme", UUID(int=number)): ENDED})
    assert changes.known(keys.row("acme", UUID(int=9))) is None
    assert changes.known(keys.row("acme", UUID(int=10))) is not None


def test_a_request_whose_run_is_known_to_have_done_nothing_is_answered_from_memory(changes: Changes) -> None:
    """Both halves of the row are certain: a poll right after the acceptance asks nobody."""
    changes.applied(RUNS, 1, {})
    changes.applied(JOBS, 1, {ROW: request_of(requested(RUN))})
    assert changes.known(ROW) is None
    changes.applied(RUNS, 1, {ROW: NOTHING})
    known = changes.known(ROW)
    assert known is not None
    assert known.run == NOTHING


def test_long_polls_learn_how_long_a_run_takes_to_appear(changes: Changes) -> None:
    """Looking too early makes them patient, looking too late makes them hurry; both within bounds."""
    least, most = PATIENCE
    for _ in range(20):
        changes.looked(found=False)
    assert changes.patience == most
    for _ in range(20):
        changes.looked(found=True)
    assert changes.patience == least


class AwayLog:
    """A log that does not answer."""

    def __init__(self) -> None:
        self.asked = 0

    async def topics(self) -> Iterable[str]:
        """Nobody is there."""
        self.asked += 1
        raise KafkaConnectionError("no broker")

    async def ends(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """Nobody is there."""
        raise KafkaConnectionError("no broker")


async def test_a_view_that_goes_back_while_kafka_is_away_is_looked_at_on(redis: Redis) -> None:
    """The look at the watermarks neither ends nor misses the next time."""
    log = AwayLog()
    freshness = Freshness(log, partitions=1)
    changes = Changes(redis, Store(redis), freshness)
    probe = asyncio.create_task(changes.probe())
    for times in (1, 2):
        await redis.hset(keys.WATERMARKS, keys.watermark(RUNS), "5")
        await until(lambda: freshness.known() == {keys.watermark(RUNS): 5})
        await redis.flushall()
        await until(lambda: not freshness.known() or probe.done())
        assert (log.asked, probe.done()) == (times, False)
    probe.cancel()
    with suppress(asyncio.CancelledError):
        await probe
