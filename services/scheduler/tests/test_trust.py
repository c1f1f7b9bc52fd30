"""Redis is judged by only when nothing about it was odd for long enough."""

from datetime import UTC, datetime, timedelta

from jobforge.scheduler.trust import Trust

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
MARKS = {"jobforge.runs/0": 7, "jobforge.jobs.echo/0": 3, "jobforge.runs/1": 5}


class Looks:
    """Looks at two partitions, one a second."""

    def __init__(self) -> None:
        self.trust = Trust(timedelta(seconds=30))
        self.time = 0.0
        self.ahead = timedelta()

    def calm(
        self, seconds: int, marks: dict[str, int] = MARKS, *, seen: str = "t", partitions: tuple[int, ...] = (0, 1)
    ) -> None:
        """So many looks at which everything is as it was."""
        for _ in range(seconds):
            self.time += 1
            now = AT + timedelta(seconds=self.time) + self.ahead
            self.trust.looked(partitions, token=seen, watermarks=marks, time=self.time, now=now)

    @property
    def settled(self) -> tuple[bool, bool]:
        """Of both partitions."""
        return self.trust.settled(0, self.time), self.trust.settled(1, self.time)


def settled() -> Looks:
    """Everything was calm for long enough."""
    looks = Looks()
    looks.calm(31)
    assert looks.settled == (True, True)
    return looks


def test_nothing_is_judged_in_the_first_30_seconds() -> None:
    """Leases may be missing after an outage that ended just before."""
    looks = Looks()
    looks.calm(30)
    assert looks.settled == (False, False)


def test_a_partition_that_comes_from_another_member_is_new() -> None:
    """Nobody knows what was before."""
    looks = Looks()
    looks.calm(31, partitions=(0,))
    looks.calm(1)
    assert looks.settled == (True, False)
    looks.calm(31, partitions=(1,))
    looks.calm(1)
    assert looks.settled == (False, True)


def test_an_outage_or_a_flush_between_two_looks_unsettles_every_partition() -> None:
    """An error says the one; the other leaves a token that is not ours."""
    looks = settled()
    looks.trust.shaken(looks.time)
    assert looks.settled == (False, False)
    looks = settled()
    looks.calm(1, seen="another")
    assert looks.settled == (False, False)
    looks.calm(30, seen="another")
    assert looks.settled == (True, True)


def test_a_view_that_goes_back_or_is_gone_unsettles_its_partition_alone() -> None:
    """A watermark that is lower than before, or missing."""
    looks = settled()
    looks.calm(1, {**MARKS, "jobforge.jobs.echo/0": 2})
    assert looks.settled == (False, True)
    looks = settled()
    looks.calm(1, {name: held for name, held in MARKS.items() if name != "jobforge.runs/1"})
    assert looks.settled == (True, False)


def test_a_view_that_grows_is_calm() -> None:
    """Watermarks rise all day long."""
    looks = settled()
    looks.calm(1, {name: held + 100 for name, held in MARKS.items()} | {"jobforge.jobs.new/0": 1})
    assert looks.settled == (True, True)


def test_a_wall_clock_that_jumps_unsettles_everything() -> None:
    """A deadline may only seem to have passed: a worker that lives gets the time to take its lease again."""
    looks = settled()
    looks.ahead = timedelta(hours=1)
    looks.calm(1)
    assert looks.settled == (False, False)
    looks.calm(30)
    assert looks.settled == (True, True)
    looks.ahead = timedelta(seconds=1)
    looks.calm(1)
    assert looks.settled == (False, False)
