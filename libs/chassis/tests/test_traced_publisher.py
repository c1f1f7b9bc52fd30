"""What a traced publish leaves behind."""

import asyncio
import gc
from collections.abc import Awaitable
from typing import Any

from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.traced import TracedPublisher, TraceScope, trace_scope
from jobforge.chassis.wire import Headers, OutcomeUnknown, Position


class Leaderless:
    """A publisher whose records are never acknowledged."""

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Position:
        """See ``wire.Publisher.publish``."""
        raise OutcomeUnknown("no leader")

    async def send(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Awaitable[Position]:
        """See ``wire.Publisher.send``."""
        return self.publish(topic, key=key, value=value)


async def test_a_send_that_nobody_awaits_and_that_fails_is_no_unretrieved_exception() -> None:
    """A broker that goes away under a courtesy record filled the log with tracebacks of asyncio."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    publisher = TracedPublisher(Leaderless(), Telemetry(service="s", version="1", endpoint=None))
    trace_scope.set(TraceScope("trace_1_abc"))
    sent = await publisher.send("t", key=b"k", value=b"v")
    await asyncio.wait([asyncio.ensure_future(sent)], timeout=5)
    del sent
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []
