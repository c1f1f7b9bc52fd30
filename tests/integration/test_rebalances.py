"""Workers that come, go and die under load share one group's work."""

from jobforge.testkit.waiting import until
from jobforge.testkit.workers import Workers


async def test_workers_that_come_go_and_die_under_load_lose_no_run(workers: Workers) -> None:
    """A second worker is started, stopped, started and killed again while jobs run: every run ends."""
    services = workers.services
    await services.start("echo", "scheduler")
    ids = await workers.ask(200, sleep=0.5)
    await services.start("echo#2")
    ids += await workers.ask(200, sleep=0.5)
    services["echo#2"].terminate()
    assert await services["echo#2"].ended() < 25
    ids += await workers.ask(200, sleep=0.5)
    await services.start("echo#2")
    ids += await workers.ask(200, sleep=0.5)
    services["echo#2"].kill()
    ids += await workers.ask(100, sleep=0.5)
    await workers.ended(ids, timeout=45)
    assert {outcome.type for outcome in await workers.outcomes()} == {"RunSucceeded"}
    for name in ("echo", "echo#2"):
        assert "Traceback" not in workers.log(name)


async def test_two_workers_share_each_lane_instead_of_taking_one_each(workers: Workers) -> None:
    """Ordinary jobs are run by both: neither has the partitions of one topic, and its neighbour those of another."""
    await workers.services.start("echo")
    await workers.services.start("echo#2")
    await workers.ended(await workers.ask(64), timeout=30)
    assert len({outcome.worker for outcome in await workers.outcomes()}) == 2


async def test_a_template_that_holds_the_event_loop_past_the_session_loses_no_run(workers: Workers) -> None:
    """The group throws the silent member out; it comes back by itself and every run ends."""
    await workers.services.start("echo", "scheduler")
    neighbours = await workers.ask(20, sleep=1)
    (held,) = await workers.ask(1, behave="hold")
    later = await workers.ask(20)
    await workers.ended([*neighbours, held, *later], timeout=50)
    await until(lambda: workers.services["echo"].alive)
    await workers.services["echo"].ready()
    assert "Traceback" not in workers.log("echo")
