"""Produce requests and responses in one pass of ``struct``, as ``fetch_codec`` does it for fetches."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from struct import Struct, error
from typing import Any

from aiokafka.protocol.produce import ProduceRequest_v7, ProduceResponse_v7
from aiokafka.protocol.types import Schema

from jobforge.chassis.fetch_codec import replace_topics, replaced

_COUNT = Struct(">i")
_LENGTH = Struct(">h")
_NO_NAME = _LENGTH.pack(-1)
_SEND = Struct(">hi")
"""Acknowledgements, most milliseconds to wait for them."""
_SENT = Struct(">ii")
"""Partition, bytes of records."""
_WRITTEN = Struct(">ihqqq")
"""Partition, error, first offset, timestamp of the log, log start offset."""


class SentTopics:
    """What a produce request writes: (topic, partitions) each."""

    def encode(self, topics: Sequence[tuple[str, Sequence[tuple[int, bytes]]]]) -> bytes:
        """As versions 3 to 7 of the protocol write it."""
        parts = [_COUNT.pack(len(topics))]
        for topic, partitions in topics:
            name = topic.encode()
            parts += (_LENGTH.pack(len(name)), name, _COUNT.pack(len(partitions)))
            for partition, records in partitions:
                parts += (_SENT.pack(partition, len(records)), records)
        return b"".join(parts)

    def repr(self, topics: Iterable[Any]) -> str:
        """For aiokafka's debug log."""
        return repr([(topic, [partition for partition, _ in partitions]) for topic, partitions in topics])


class SentSchema(Schema):  # type: ignore[misc]  # aiokafka ships no types
    """A produce request of versions 3 to 7 as a whole."""

    def encode(self, item: Sequence[Any]) -> bytes:
        """Its fields, in the order of ``names``."""
        transaction, acks, timeout, topics = item
        name, _, _, some = self.fields
        head = _NO_NAME if transaction is None else name.encode(transaction)
        return b"".join((head, _SEND.pack(acks, timeout), some.encode(topics)))


class WrittenTopics:
    """What a produce response tells of each partition."""

    def decode(self, data: BytesIO) -> list[tuple[str, list[tuple[int, ...]]]]:
        """Read from versions 5 to 7 of the protocol; raises ``ValueError`` for bytes that end too early."""
        buffer, at = data.getvalue(), data.tell()
        told: list[tuple[str, list[tuple[int, ...]]]] = []
        try:
            (topics,) = _COUNT.unpack_from(buffer, at)
            at += _COUNT.size
            for _ in range(topics):
                (length,) = _LENGTH.unpack_from(buffer, at)
                at += _LENGTH.size + length
                name = buffer[at - length : at].decode()
                (partitions,) = _COUNT.unpack_from(buffer, at)
                at += _COUNT.size
                after = at + partitions * _WRITTEN.size
                told.append((name, list(_WRITTEN.iter_unpack(buffer[at:after]))))
                at = after
        except error as early:
            raise ValueError("the produce response ends too early") from early
        if at > len(buffer):
            raise ValueError("the produce response ends too early")
        data.seek(at)
        return told

    def repr(self, topics: Iterable[Any]) -> str:
        """For aiokafka's debug log."""
        return repr(list(topics))


def install() -> None:
    """Let aiokafka use these from now on, in every producer of the process; again changes nothing."""
    ProduceRequest_v7.SCHEMA = replaced(ProduceRequest_v7.SCHEMA, SentSchema())
    replace_topics(ProduceRequest_v7.SCHEMA, SentTopics())
    replace_topics(ProduceResponse_v7.SCHEMA, WrittenTopics())
