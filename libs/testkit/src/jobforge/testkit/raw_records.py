"""Records as clients other than aiokafka write them: with neither key nor value, or names of headers in any bytes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

GZIP = 1


class Raw(NamedTuple):
    """A record whose headers have names of bytes."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[bytes, bytes | None], ...] = ()


class _Name(str):
    """What is written for a name that is no text."""

    raw: bytes

    def encode(self, *_: Any, **__: Any) -> bytes:
        return self.raw


def batch_of(records: Sequence[Raw], *, compression: int = 0) -> Any:
    """aiokafka's builder of one batch, with these in it."""
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, 0, 1 << 30)
    for offset, record in enumerate(records):
        headers = []
        for name, content in record.headers:
            text = _Name(name.decode(errors="replace"))
            text.raw = name
            headers.append((text, content))
        builder.append(offset, None, record.key, record.value, headers)
    return builder


async def write_raw(bootstrap: str, topic: str, *records: Raw, partition: int = 0, compression: int = 0) -> int:
    """Write these in one batch; the offset of the first."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=1 << 28)
    await producer.start()
    try:
        batch = producer.create_batch()
        batch._builder = batch_of(records, compression=compression)
        batch._relative_offset = len(records)
        written = await (await producer.send_batch(batch, topic, partition=partition))
    finally:
        await producer.stop()
    return int(written.offset)
