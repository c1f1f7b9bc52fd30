"""Reads records in which a header's name is not UTF-8: aiokafka fails at each for ever, and its partition stands still.

Any client but aiokafka can write one. Such a name is read with its bytes escaped, as in ``caf\\xe9``; key, value and
the headers' values are as they came.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import structlog
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy
from aiokafka.record.util import decode_varint

log = structlog.get_logger()


class KeptRecords:
    """aiokafka's ``MemoryRecords``, and the bytes that it reads."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        records = MemoryRecords(raw)
        self.has_next = records.has_next
        self.next_batch = records.next_batch
        self.size_in_bytes = records.size_in_bytes


class ReadableRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka ships no types
    """What was fetched of one partition, read by aiokafka's quick way for as long as that can."""

    _records: Any

    def _unpack_records(self) -> Iterator[Any]:
        try:
            yield from super()._unpack_records()
        except (UnicodeDecodeError, CorruptRecordException):
            # The slow way reads from here on, and fails again if it was not a name.
            self._records = _EscapedRecords(self._records.raw, self.next_fetch_offset, self._tell)
            yield from super()._unpack_records()

    def _tell(self, offset: int) -> None:
        log.warning("consumer.header_escaped", topic=self._tp.topic, partition=self._tp.partition, offset=offset)


class _EscapedRecords:
    """The batches that reach beyond an offset."""

    def __init__(self, raw: bytes, offset: int, tell: Callable[[int], None]) -> None:
        self._batches = deque(batch for batch in _Batches(raw, tell) if batch.next_offset > offset)

    def has_next(self) -> bool:
        """Whether there is one more."""
        return bool(self._batches)

    def next_batch(self) -> Any:
        """The next one."""
        return self._batches.popleft()


class _Batches(_MemoryRecordsPy):  # type: ignore[misc]  # aiokafka ships no types
    def __init__(self, raw: bytes, tell: Callable[[int], None]) -> None:
        super().__init__(raw)
        self._tell = tell

    def __iter__(self) -> Iterator[Any]:
        while (piece := self._next_slice) is not None:
            if piece[self.MAGIC_OFFSET] < 2:  # its records have no headers
                yield self.next_batch()
            else:
                self._cache_next()
                yield _EscapedBatch(piece, self._tell)


class _EscapedBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka ships no types
    _pos: int

    def __init__(self, piece: memoryview, tell: Callable[[int], None]) -> None:
        super().__init__(piece)
        self._tell = tell

    def _read_msg(self) -> Any:
        """As the class above reads it, but for the names of headers."""
        buffer, (length, start) = self._buffer, decode_varint(self._buffer, self._pos)
        _, at = decode_varint(buffer, start)  # attributes
        delay, at = decode_varint(buffer, at)
        offset, at = decode_varint(buffer, at)
        key, at = _field(buffer, at)
        value, at = _field(buffer, at)
        count, at = decode_varint(buffer, at)
        headers, escaped = [], False
        for _ in range(count):
            name, at = _field(buffer, at)
            content, at = _field(buffer, at)
            if name is None:
                raise CorruptRecordException("a header has no name")
            text = name.decode(errors="backslashreplace")
            headers.append((text, content))
            escaped = escaped or text.encode() != name
        if count < 0 or at - start != length:
            raise CorruptRecordException(f"a record of {length} bytes was read as {at - start}")
        self._pos = at
        if escaped:
            self._tell(self.base_offset + offset)
        stamp = self.max_timestamp if self.timestamp_type == self.LOG_APPEND_TIME else self.first_timestamp + delay
        return _DefaultRecordPy(self.base_offset + offset, stamp, self.timestamp_type, key, value, headers)


def _field(buffer: bytearray, at: int) -> tuple[bytes | None, int]:
    length, at = decode_varint(buffer, at)
    return (None, at) if length < 0 else (bytes(buffer[at : at + length]), at + length)


class WholeResult(fetcher.FetchResult):  # type: ignore[misc]  # aiokafka ships no types
    """What was fetched of one partition; what goes wrong with it waits until nothing of another is handed out with it.

    aiokafka would raise at once, and what it had taken of other partitions for the same poll would be gone.
    """

    _failure: Exception | None = None

    def getall(self, max_records: int | None = None) -> list[Any]:
        """Up to ``max_records`` records; none if they cannot be read."""
        try:
            found: list[Any] = super().getall(max_records)
        except Exception as error:
            self._failure = error
            self.__class__ = _FailedResult  # which the fetcher treats as the broker's errors: it keeps them, see there
            return []
        return found


class _FailedResult(WholeResult):
    def check_raise(self) -> None:
        """Raise what went wrong; what was read before it is fetched again."""
        assert self._failure is not None
        raise self._failure


def install() -> None:
    """Let every consumer of the process that is made from now on read like this; again changes nothing."""
    fetcher.MemoryRecords = KeptRecords
    fetcher.PartitionRecords = ReadableRecords
    fetcher.FetchResult = WholeResult
