"""What a reader does whose position is not in the log any more, on real Kafka: it says so, counts it and goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from jobforge.chassis.kafka import Kafka
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.wire import Consumer, Partition
from jobforge.contracts.jobs import JobRequested
from jobforge.testkit.backends import Plane
from jobforge.testkit.waiting import until

TOPIC, GROUP = "jobforge.jobs.echo", "readers"
AT = Partition(TOPIC, 0)


class Collecting:
    """A reader that notes offsets of partition 0, commits when told, and reads no further than it may."""

    def __init__(self, *, no_further: int | None = None) -> None:
        self.offsets: list[int] = []
        self.consumer: Consumer | None = None
        self.no_further = no_further

    async def assigned(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``Reader``."""
        self.consumer = consumer

    async def revoked(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``Reader``."""

    async def run(self, consumer: Consumer) -> None:
        """See ``Reader``."""
        while True:
            if self.no_further is not None and len(self.offsets) >= self.no_further:
                consumer.pause([AT])
            else:
                consumer.resume([AT])
            for records in (await consumer.poll(timeout=0.05, max_records=5)).values():
                self.offsets += [record.offset for record in records]

    async def drain(self, consumer: Consumer) -> None:
        """See ``Reader``."""


@asynccontextmanager
async def reading(plane: Plane, reader: Collecting, *, group: str = GROUP) -> AsyncIterator[Kafka]:
    """A started service with this reader."""
    settings = Settings(kafka_bootstrap=plane.kafka_bootstrap, partitions=plane.partitions)
    kafka = Kafka(settings, service="lost", telemetry=Telemetry(service="lost", version="0", endpoint=None))
    kafka.read(reader, group=group, topics=[TOPIC], message=JobRequested, title="lost")
    await kafka.start()
    try:
        yield kafka
    finally:
        await kafka.stop()


async def delete_before(plane: Plane, offset: int) -> None:
    """What retention does to a partition, at once."""
    admin = AIOKafkaAdminClient(bootstrap_servers=plane.kafka_bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(*AT): RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()


async def write(kafka: Kafka, count: int) -> None:
    """Records into partition 0."""
    for _ in range(count):
        await kafka.publisher.publish(TOPIC, key=b"k", value=b"v", partition=0)


def counted(name: str, **labels: str) -> float:
    """A counter of this process."""
    return REGISTRY.get_sample_value(f"jobforge_consumer_{name}_total", {"group": GROUP, "topic": TOPIC} | labels) or 0


async def test_a_group_whose_commit_was_deleted_says_how_much_it_lost_and_reads_on(
    clean_plane: Plane,
) -> None:
    """Committed 3, the log begins at 8: an error with both, 5 records counted, and 8 is the next one read."""
    lost, resets = counted("records_lost"), counted("resets", reason="deleted")
    first = Collecting()
    async with reading(clean_plane, first) as kafka:
        await write(kafka, 10)
        await until(lambda: len(first.offsets) == 10)
        assert first.consumer is not None
        await first.consumer.commit({AT: 3})
    await delete_before(clean_plane, 8)

    second = Collecting()
    with capture_logs() as logged:
        async with reading(clean_plane, second):
            await until(lambda: second.offsets == [8, 9])
    assert counted("records_lost") - lost == 5
    assert counted("resets", reason="deleted") - resets == 1
    told = [each for each in logged if each["event"] == "offsets.out_of_range"]
    assert [(each["log_level"], each["wanted"], each["first"], each["records_lost"]) for each in told] == [
        ("error", 3, 8, 5)
    ]


async def test_records_deleted_before_a_slow_reader_came_to_them_are_counted_while_it_runs(clean_plane: Plane) -> None:
    """It had read 5; 20 of its next are deleted under it; what is left is read."""
    lost = counted("records_lost")
    reader = Collecting(no_further=5)
    async with reading(clean_plane, reader) as kafka:
        await write(kafka, 5)
        await until(lambda: len(reader.offsets) == 5)
        await asyncio.sleep(0.3)  # what a fetch on its way brings is dropped by the pause
        await write(kafka, 25)
        await delete_before(clean_plane, 25)
        reader.no_further = None
        await until(lambda: reader.offsets[-1] == 29)
        read_on = [offset for offset in reader.offsets if offset >= 5]
    assert read_on == [25, 26, 27, 28, 29]
    assert counted("records_lost") - lost == 20


async def test_a_position_beyond_the_end_of_the_log_is_told_and_the_log_is_read_again(clean_plane: Plane) -> None:
    """As after a topic was made anew: nothing of it is skipped."""
    resets = counted("resets", reason="beyond_end")
    first = Collecting()
    async with reading(clean_plane, first) as kafka:
        await write(kafka, 2)
        await until(lambda: len(first.offsets) == 2)
        assert first.consumer is not None
        await first.consumer.commit({AT: 50})
    second = Collecting()
    async with reading(clean_plane, second):
        await until(lambda: second.offsets == [0, 1])
    assert counted("resets", reason="beyond_end") - resets == 1


@pytest.mark.parametrize("deleted", [0, 4])
async def test_a_new_group_reads_from_the_first_record_there_is_and_raises_no_alarm(
    clean_plane: Plane, deleted: int
) -> None:
    """What was deleted before the group existed is nobody's loss."""
    before = every_alarm()
    async with reading(clean_plane, Collecting(), group="others") as kafka:
        await write(kafka, 6)
    if deleted:
        await delete_before(clean_plane, deleted)
    reader = Collecting()
    async with reading(clean_plane, reader):
        await until(lambda: reader.offsets == list(range(deleted, 6)))
    assert every_alarm() == before


def every_alarm() -> float:
    """Resets of every group and topic."""
    families = [family for family in REGISTRY.collect() if family.name == "jobforge_consumer_resets"]
    return sum(sample.value for family in families for sample in family.samples if sample.name.endswith("_total"))
