"""Where the projection goes on in a partition of which the log has lost something, over a real Valkey."""

from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from jobforge.chassis.wire import Partition
from jobforge.contracts.identity import partition_of, run_key
from jobforge.manifest import keys
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.run_records import requested
from jobforge.testkit.served_view import Serve, ServedView
from jobforge.testkit.waiting import until

TOPIC = "jobforge.jobs.echo"


async def lose_unread(serve: Serve, log: MemoryLog, *, left: int) -> Partition:
    """The view has read one record of a partition and is away; retention takes three more, and leaves these."""
    first = requested(uuid4())
    key = run_key(first.tenant_id, first.run_id)
    at = Partition(TOPIC, partition_of(key, log.partitions(TOPIC)))
    async with serve() as service:
        await service.write(TOPIC, first, key)
        await until(lambda: reached(service, at, 1), 10)
    for _ in range(3 + left):
        await log.publisher().publish(TOPIC, key=key, value=first.to_bytes(), partition=at.number)
    log.delete_before(at, 4)
    return at


async def reached(service: ServedView, at: Partition, offset: int) -> bool:
    """Whether the view's watermark stands there."""
    held = await service.redis.hget(keys.WATERMARKS, keys.watermark(at))
    return held is not None and int(held) == offset


@pytest.mark.parametrize("left", [0, 2])
async def test_a_partition_emptied_before_the_view_had_read_it_does_not_keep_the_view_from_being_ready(
    serve: Serve, log: MemoryLog, left: int
) -> None:
    """The loss is told, once; then the view stands where the log begins, and answers."""
    at = await lose_unread(serve, log, left=left)
    with capture_logs() as logged:
        async with serve() as service:  # which waits until it has caught up
            await until(lambda: reached(service, at, 4 + left), 10)
            listed = await service.http.get("/v1/runs", params={"tenant_id": "acme"})
            assert (listed.status_code, len(listed.json()["runs"])) == (200, 1)
        async with serve():
            pass
    told = [each for each in logged if each["event"] == "offsets.out_of_range"]
    assert [(each["wanted"], each["first"], each["records_lost"]) for each in told] == [(1, 4, 3)]
