"""Leases on a real Valkey: who may work on a run, by the store's own clock."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from jobforge.chassis import view_names
from jobforge.chassis.redis_line import RedisLine
from jobforge.execution import leases
from jobforge.execution.lease_script import MOST
from jobforge.execution.leases import Holding, RedisLeases
from jobforge.execution.policy import UNLEASED
from jobforge.testkit.backends import Plane
from jobforge.testkit.waiting import until


@pytest.fixture
async def store(clean_plane: Plane) -> AsyncIterator[RedisLeases]:
    """Leases in an empty Valkey."""
    made = RedisLeases(RedisLine.to(clean_plane.redis_url))
    yield made
    await made.close()


@pytest.fixture
async def redis(clean_plane: Plane) -> AsyncIterator[Redis]:
    """The same Valkey, for what the projection would write."""
    async with Redis.from_url(clean_plane.redis_url) as client:
        yield client


def holding(run_id: UUID | None = None, attempt: int = 1) -> Holding:
    """A claim of its own."""
    return Holding("acme", run_id or uuid4(), attempt, uuid4().hex)


async def test_one_claim_holds_a_run_and_a_released_one_is_free(store: RedisLeases) -> None:
    """Of many claims at once exactly one is free; after its release the next one is."""
    run_id = uuid4()
    claims = [holding(run_id) for _ in range(20)]
    answers = await asyncio.gather(*(store.claim(claim) for claim in claims))
    assert sorted(answer.state for answer in answers) == ["free"] + ["held"] * 19
    assert await store.held([("acme", run_id), ("acme", uuid4())]) == [True, False]
    winner = claims[[answer.state for answer in answers].index("free")]
    store.release(winner, ended=True)
    again = await store.claim(holding(run_id))
    assert (again.state, again.starts) == ("free", 0)


async def test_a_lease_that_nobody_renews_runs_out_and_the_start_is_remembered(
    store: RedisLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash is a start without an outcome: two of them are counted for the third claim."""
    monkeypatch.setattr(leases, "_LEASE", 50)
    run_id = uuid4()
    starts = []
    for _ in range(3):
        await until(lambda: _free(store, run_id))
        answer = await store.claim(holding(run_id))
        starts.append((answer.starts, answer.fence))
    assert starts == [(0, 1), (1, 2), (2, 3)]


async def test_what_was_handed_back_does_not_count_as_a_start(store: RedisLeases) -> None:
    """A stopping worker gives its runs back without a mark on them."""
    run_id = uuid4()
    for _ in range(4):
        claim = holding(run_id)
        answer = await store.claim(claim)
        assert (answer.state, answer.starts) == ("free", 0)
        store.release(claim, ended=False)


async def test_a_renewal_takes_a_forgotten_lease_again_and_loses_it_to_another_claim(
    store: RedisLeases, redis: Redis
) -> None:
    """A flush in the middle of a job costs nothing; a lease that somebody else took is lost."""
    mine = holding()
    await store.claim(mine)
    assert await store.renew([mine]) == ["ok"]
    await redis.flushall()
    assert await store.renew([mine]) == ["ok"]
    other = holding(mine.run_id)
    assert (await store.claim(other)).state == "held"
    await redis.flushall()
    assert (await store.claim(other)).state == "free"
    assert await store.renew([mine, other]) == ["lost", "ok"]


async def test_the_view_tells_a_claim_of_ends_cancellations_and_starts(store: RedisLeases, redis: Redis) -> None:
    """What the projection wrote into the row comes with the answer."""
    ended, cancelled, started, unknown = holding(), holding(), holding(attempt=2), holding()
    later = holding(attempt=3)
    await redis.hset(view_names.row("acme", later.run_id), "starts", "2 2")
    await redis.hset(view_names.row("acme", ended.run_id), "manifest", "{}")
    await redis.hset(view_names.row("acme", cancelled.run_id), "cancel", "1")
    await redis.hset(view_names.row("acme", started.run_id), "starts", "2 2")
    assert (await store.claim(ended)).state == "ended"
    assert (await store.claim(cancelled)).state == "cancel"
    assert (await store.claim(started)).starts == 2
    assert (await store.claim(later)).starts == 0
    assert (await store.claim(unknown)).known is False
    assert await store.renew([cancelled]) == ["cancel"]


async def test_questions_of_one_moment_are_one_call_and_each_gets_its_own_answer(
    store: RedisLeases, redis: Redis
) -> None:
    """Claims, renewals, releases and looks in one round trip, answered as if each had been asked alone, in order."""
    mine, over, back, new = (holding() for _ in range(4))
    await asyncio.gather(*(store.claim(one) for one in (mine, over, back)))
    runs = [("acme", one.run_id) for one in (mine, over, back, new)]

    async def given_back() -> None:
        store.release(over, ended=True)
        store.release(back, ended=False)

    await redis.config_resetstat()
    _, fresh, other, renewed, found, again = await asyncio.gather(
        given_back(),
        store.claim(new),
        store.claim(holding(mine.run_id)),
        store.renew([mine, holding(mine.run_id), holding()]),
        store.held(runs),
        store.claim(holding(over.run_id)),
    )
    assert (fresh.state, fresh.fence, other.state) == ("free", 1, "held")
    assert renewed == ["ok", "lost", "ok"]
    assert found == [True, False, False, True]
    assert (again.state, again.starts) == ("free", 0)
    assert (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] == 1


async def test_more_questions_than_one_call_takes_are_all_answered_in_order(store: RedisLeases) -> None:
    """The rest goes into further calls of the same round trip."""
    claims = [holding() for _ in range(2 * MOST + 1)]
    answers = await asyncio.gather(*(store.claim(one) for one in claims[::2]))
    assert {answer.state for answer in answers} == {"free"}
    assert await store.held([("acme", one.run_id) for one in claims]) == [at % 2 == 0 for at in range(len(claims))]
    assert await store.renew([holding(one.run_id) for one in claims]) == [
        "ok" if at % 2 else "lost" for at in range(len(claims))
    ]


async def test_a_question_that_fails_spoils_no_other(store: RedisLeases, redis: Redis) -> None:
    """It alone goes on without a lease; what is no lease is held by nobody."""
    bad, good = holding(), holding()
    await redis.rpush(view_names.lease("acme", bad.run_id), "no lease")
    unleased, claimed, found = await asyncio.gather(
        store.claim(bad), store.claim(good), store.held([("acme", bad.run_id), ("acme", good.run_id)])
    )
    assert unleased == UNLEASED
    assert (claimed.state, claimed.known, claimed.fence) == ("free", False, 1)
    assert found == [False, True]


async def test_a_script_that_the_server_forgot_is_loaded_again(store: RedisLeases, redis: Redis) -> None:
    """Nobody who asks notices, and nothing counts twice."""
    mine = holding()
    assert (await store.claim(mine)).fence == 1
    await redis.script_flush()
    answers = await asyncio.gather(*(store.claim(holding(mine.run_id if at == 0 else None)) for at in range(MOST + 2)))
    assert [(answer.state, answer.fence) for answer in answers] == [("held", 0)] + [("free", 1)] * (MOST + 1)


async def test_a_release_that_no_question_follows_is_sent_all_the_same(store: RedisLeases, redis: Redis) -> None:
    """It waits a moment for one to go with."""
    mine = holding()
    await store.claim(mine)
    store.release(mine, ended=True)
    await until(lambda: _gone(redis, mine), 5)


async def test_what_was_given_back_last_is_sent_before_the_line_closes(clean_plane: Plane, redis: Redis) -> None:
    """A worker that stops leaves nobody waiting for its leases to run out."""
    store, mine = RedisLeases(RedisLine.to(clean_plane.redis_url)), holding()
    await store.claim(mine)
    store.release(mine, ended=True)
    await store.close()
    assert await _gone(redis, mine)


async def test_a_store_that_is_away_never_holds_a_job(clean_plane: Plane, store: RedisLeases) -> None:
    """Claims and renewals are answered at once as if there were no leases, and rightly again when it is back."""
    mine = holding()
    clean_plane.valkey.stop()
    answer = await store.claim(mine)
    assert (answer.state, answer.known) == ("free", True)
    assert await store.renew([mine]) == ["ok"]
    store.release(mine, ended=True)
    clean_plane.valkey.start()
    await until(lambda: _counted(store))


async def _gone(redis: Redis, held: Holding) -> bool:
    return not await redis.exists(view_names.lease(held.tenant_id, held.run_id))


async def _free(store: RedisLeases, run_id: UUID) -> bool:
    return (await store.held([("acme", run_id)])) == [False]


async def _counted(store: RedisLeases) -> bool:
    return (await store.claim(holding())).fence == 1
