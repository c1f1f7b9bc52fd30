"""A name whose address moves between the look at it and the call, or that has none."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from jobforge.autopilot.scanning.failures import TargetNotAllowed, TargetTimeout, TargetUnresolvable
from jobforge.autopilot.scanning.fetching import Limits
from jobforge.testkit.sites import Reply, serving

PUBLIC = "93.184.215.14"


class Rebinding:
    """A resolver whose answer changes after the first time."""

    def __init__(self, *answers: str) -> None:
        self.answers: Iterator[str] = iter(answers)
        self.times = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.times += 1
        return [next(self.answers)]


async def test_a_name_that_moves_after_it_was_checked_is_still_called_where_it_was(scan: Any, good: Any) -> None:
    """It is resolved once in a scan; every request, and the look at its encryption, go to the checked address."""
    asked = Rebinding("127.0.0.1", "127.0.0.9", "169.254.169.254")
    with serving(good) as site:
        outputs = await scan.at(scan.scanner(site.url("shop.example"), asked=asked))
    assert asked.times == 1
    assert outputs.page_status == 200
    assert {host for _, host in site.asked} == {f"shop.example:{site.port}"}


async def test_a_name_that_moved_to_this_machine_is_refused_by_the_next_scan(scan: Any) -> None:
    """A public address that was checked once excuses no other."""
    asked = Rebinding(PUBLIC, "127.0.0.1")
    scan.limits = Limits(patience=0.01)
    with serving({"/": Reply()}) as site:
        scanner = scan.scanner(site.url("shop.example"), allow_private=False, asked=asked)
        await asked("shop.example", site.port)
        with pytest.raises(TargetNotAllowed, match="allow_private"):
            await scan.at(scanner)
    assert site.asked == []


async def test_a_name_without_an_address_and_one_that_takes_too_long_are_told_apart(scan: Any) -> None:
    """Both are tried again."""

    async def nobody(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    async def never(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(TargetUnresolvable, match="check its spelling"):
        await scan.at(scan.scanner("https://shop.example/", asked=nobody))
    scan.limits = Limits(patience=0.05)
    with pytest.raises(TargetTimeout, match=r"within 0\.05 s"):
        await scan.at(scan.scanner("https://shop.example/", asked=never))
