"""Futures that a timer or a callback ends, and that may be over already."""

import asyncio
from typing import Any


def wake(sleeper: "asyncio.Future[None]", _: Any = None) -> None:
    """Let whoever waits for it go on; also as a callback of another future."""
    if not sleeper.done():
        sleeper.set_result(None)


async def woken(sleeper: "asyncio.Future[None]", within: float) -> None:
    """Return when it is woken, or after so many seconds: ``asyncio.wait_for`` at a fraction of its price."""
    timer = asyncio.get_running_loop().call_later(within, wake, sleeper)
    try:
        await sleeper
    finally:
        timer.cancel()


def give_up(answer: "asyncio.Future[Any]") -> None:
    """Nothing came in time: whoever waits for it gets a ``TimeoutError``."""
    if not answer.done():
        answer.set_exception(TimeoutError())
