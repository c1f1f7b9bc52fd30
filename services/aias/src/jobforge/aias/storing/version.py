"""One version of an index: what it is, and which segments hold which of its documents."""

from collections.abc import Collection, Mapping
from typing import Literal

from jobforge.contracts.base import Value

IndexType = Literal["vector", "keyword", "hybrid"]

MOST_SEGMENTS = 8
MOST_STALE = 0.25
"""The part of a segment's chunks that replaced documents may leave behind before it is written anew."""
LARGEST_MERGE = 64 * 1024 * 1024
"""Bytes of the segments that become one."""


class IndexedDocument(Value):
    """A document as it was when it was indexed."""

    sha256: str
    chunks: int


class SegmentEntry(Value):
    """A segment and the documents of it that count; what else it holds was replaced or removed."""

    name: str
    size: int
    chunks: int
    documents: dict[str, IndexedDocument]

    @property
    def live_chunks(self) -> int:
        """How many of its chunks count."""
        return sum(document.chunks for document in self.documents.values())

    def without(self, documents: Collection[str]) -> "SegmentEntry":
        """The same without these documents."""
        kept = {name: document for name, document in self.documents.items() if name not in documents}
        return self if len(kept) == len(self.documents) else self.model_copy(update={"documents": kept})


class IndexVersion(Value):
    """A version never changes; the next one has the number after it."""

    number: int
    index_type: IndexType
    embedder: str | None
    dimensions: int | None
    segments: tuple[SegmentEntry, ...] = ()

    @property
    def documents(self) -> dict[str, IndexedDocument]:
        """All documents of the index."""
        return {name: document for entry in self.segments for name, document in entry.documents.items()}

    @property
    def chunks(self) -> int:
        """How many chunks are searched."""
        return sum(entry.live_chunks for entry in self.segments)

    def changed(self, added: Collection[SegmentEntry], removed: Collection[str]) -> "IndexVersion":
        """With these segments, whose documents replace older ones, and without the removed documents.

        Doing it twice is doing it once.
        """
        new = {name for entry in added for name in entry.documents}
        names = {entry.name for entry in added}
        gone = new | set(removed)
        kept = [entry.without(gone) for entry in self.segments if entry.name not in names]
        return self._next([*(entry for entry in kept if entry.documents), *added])

    def merged(self, old: Collection[SegmentEntry], new: SegmentEntry | None) -> "IndexVersion | None":
        """With one segment in the place of several; None if one of them is not what it was."""
        if any(entry not in self.segments for entry in old):
            return None
        kept = [entry for entry in self.segments if entry not in old]
        return self._next([*kept, *([new] if new else [])])

    def to_merge(self, *, purged: bool) -> tuple[SegmentEntry, ...]:
        """The segments that should be written anew as one; ``purged`` says that nothing removed may stay behind."""
        limit = 0.0 if purged else MOST_STALE
        chosen = [entry for entry in self.segments if entry.chunks - entry.live_chunks > limit * entry.chunks]
        if len(self.segments) - len(chosen) > MOST_SEGMENTS:
            chosen = list(self.segments)
        chosen.sort(key=lambda entry: (entry.live_chunks == entry.chunks, entry.size))
        size = 0
        fitting: list[SegmentEntry] = []
        for entry in chosen:
            size += entry.size
            if fitting and size > LARGEST_MERGE:
                break
            fitting.append(entry)
        alone = len(fitting) == 1 and fitting[0].live_chunks == fitting[0].chunks
        return () if alone else tuple(fitting)

    def _next(self, segments: list[SegmentEntry]) -> "IndexVersion":
        return self.model_copy(update={"number": self.number + 1, "segments": tuple(segments)})


def added_documents(documents: Mapping[str, IndexedDocument], name: str, size: int) -> SegmentEntry:
    """The entry of a new segment, all of whose documents count."""
    chunks = sum(document.chunks for document in documents.values())
    return SegmentEntry(name=name, size=size, chunks=chunks, documents=dict(documents))
