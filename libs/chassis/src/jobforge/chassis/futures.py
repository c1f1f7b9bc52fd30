"""What timers and callbacks do to a future that may be over already."""

import asyncio
from typing import Any


def wake(sleeper: "asyncio.Future[None]", _: Any = None) -> None:
    """Let whoever waits for it go on; also as a callback of another future."""
    if not sleeper.done():
        sleeper.set_result(None)


def give_up(answer: "asyncio.Future[Any]") -> None:
    """Nothing came in time: whoever waits for it gets a ``TimeoutError``."""
    if not answer.done():
        answer.set_exception(TimeoutError())
