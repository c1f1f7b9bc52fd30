"""Work that runs beside the door for as long as the service lives."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """These run while the context is open."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        # A cancellation that meets a connection being made can be swallowed by the client: say it until it is heard.
        while left := [task for task in tasks if not task.done()]:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=0.2)
