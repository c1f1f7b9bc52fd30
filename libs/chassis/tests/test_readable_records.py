"""Whatever another client wrote, what stands before, behind and beside it is read."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher as aiokafka_fetcher
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import CorruptRecordException

from jobforge.chassis import direct_fetching, readable_records
from jobforge.testkit.raw_records import GZIP, Raw, batch_of

A, B, C = TopicPartition("t", 0), TopicPartition("t", 1), TopicPartition("t", 2)
BAD = Raw(b"k", b"bad", ((b"caf\xe9", b"\xff"), (b"good", None)))


class Fetched:
    """A fetcher that holds what a test says it fetched."""

    def __init__(self) -> None:
        direct_fetching.install()
        readable_records.install()
        readable_records.install()
        self.state = SubscriptionState()
        self.state.assign_from_user([A, B, C])
        self.assignment = self.state.subscription.assignment
        self.fetcher: Any = object.__new__(aiokafka_fetcher.Fetcher)
        self.fetcher._subscriptions = self.state
        self.fetcher._records = {}
        self.fetcher._wait_consume_future = None
        self.fetcher._notify = lambda _: None
        for at in (A, B, C):
            self.assignment.state_value(at).reset_to(0)

    def hold(self, at: TopicPartition, raw: bytes) -> None:
        """As the fetcher does with an answer of the broker."""
        position = self.position(at)
        records = aiokafka_fetcher.PartitionRecords(
            at, aiokafka_fetcher.MemoryRecords(raw), None, position, None, None, True, aiokafka_fetcher.READ_UNCOMMITTED
        )
        self.fetcher._records[at] = aiokafka_fetcher.FetchResult(
            at, assignment=self.assignment, partition_records=records, backoff=0
        )

    def position(self, at: TopicPartition) -> int:
        """What is read next."""
        return int(self.assignment.state_value(at).position)

    async def poll(self, most: int = 100) -> dict[TopicPartition, list[bytes]]:
        """The values that a poll gets."""
        found = await self.fetcher.fetched_records((), 0, most)
        return {at: [record.value for record in records] for at, records in found.items()}


@pytest.fixture
async def fetched() -> Fetched:
    """A fetcher that has nothing."""
    return Fetched()


def batches(*of: Sequence[Raw], compression: int = 0) -> bytes:
    """One behind the other, as a partition holds them."""
    raw, base = b"", 0
    for records in of:
        built = bytearray(batch_of(records, compression=compression).build())
        built[:8] = base.to_bytes(8, "big")
        raw, base = raw + bytes(built), base + len(records)
    return raw


def numbered(count: int, first: int = 0) -> list[Raw]:
    return [Raw(None, b"%d" % number) for number in range(first, first + count)]


@pytest.mark.parametrize("compression", [0, GZIP])
@pytest.mark.parametrize("most", [1, 2, 100])
async def test_a_header_whose_name_is_not_utf8_does_not_stop_its_partition(
    fetched: Fetched, compression: int, most: int
) -> None:
    """Each record comes once and in order, in this batch and in those around it."""
    raw = batches(numbered(2), [*numbered(2, 2), BAD, *numbered(1, 5)], numbered(2, 6), compression=compression)
    fetched.hold(A, raw)
    values: list[bytes] = []
    while len(values) < 8:
        values += (await fetched.poll(most))[A]
    assert values == [b"0", b"1", b"2", b"3", b"bad", b"5", b"6", b"7"]
    assert fetched.position(A) == 8


async def test_a_name_that_is_not_utf8_is_read_with_its_bytes_escaped_and_all_else_as_it_came(fetched: Fetched) -> None:
    """Key, value, headers' values and the instant."""
    fetched.hold(A, batches([Raw(b"k", b"first"), BAD]))
    found = await fetched.fetcher.fetched_records((), 0, 10)
    first, bad = found[A]
    assert (bad.key, bad.value, bad.offset) == (b"k", b"bad", 1)
    assert bad.headers == (("caf\\xe9", b"\xff"), ("good", None))
    assert 0 <= bad.timestamp - first.timestamp < 1000


async def test_a_partition_that_cannot_be_read_takes_nothing_of_another_with_it(fetched: Fetched) -> None:
    """What was taken of the others for the same poll is handed out; the error comes with the next poll, as it is."""
    broken = bytearray(batches(numbered(2)))
    broken[-1] ^= 1
    fetched.hold(A, batches(numbered(2)))
    fetched.hold(B, bytes(broken))
    fetched.hold(C, batches(numbered(1)))
    assert await fetched.poll() == {A: [b"0", b"1"], C: [b"0"]}
    with pytest.raises(CorruptRecordException):
        await fetched.poll()
    assert [fetched.position(at) for at in (A, B, C)] == [2, 0, 1]
    assert not fetched.fetcher._records
