"""Searches indexes that are kept open, as many as fit into memory; the newest version always answers."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobforge.aias.embedders import Embedder
from jobforge.aias.errors import EmbedderMismatch, IndexBusy, IndexMissing, IndexTypeMismatch
from jobforge.aias.storing.shelf import TRIES, SegmentGone, Shelf
from jobforge.aias.storing.version import IndexType, IndexVersion, SegmentEntry

if TYPE_CHECKING:
    from jobforge.aias.ranking import Hit, Live
    from jobforge.aias.storing.segment import Segment


@dataclass(frozen=True, slots=True)
class OpenIndex:
    """A version with its segments in memory."""

    version: IndexVersion
    parts: "tuple[Live, ...]"

    @property
    def size(self) -> int:
        """Bytes of its segments."""
        return sum(entry.size for entry in self.version.segments)


class Searching:
    """Opens indexes and keeps the last used ones; ``budget`` is in bytes."""

    def __init__(self, shelf: Shelf, embedder: Embedder, *, budget: int) -> None:
        self._shelf = shelf
        self._embedder = embedder
        self._budget = budget
        self._open: OrderedDict[tuple[str, str], OpenIndex] = OrderedDict()
        self._opening = asyncio.Lock()

    async def open(self, tenant_id: str, index: str) -> OpenIndex:
        """The newest version of an index; raises ``IndexMissing``."""
        for _ in range(TRIES):
            number = await self._shelf.newest_number(tenant_id, index)
            if number == 0:
                raise IndexMissing(f"there is no index {index}; run aias.knowledge.index first")
            kept = self._open.get((tenant_id, index))
            if kept is not None and kept.version.number == number:
                self._open.move_to_end((tenant_id, index))
                return kept
            try:
                async with self._opening:
                    return await self._opened(tenant_id, index)
            except SegmentGone:
                continue
        raise IndexBusy(f"the index {index} changed at each of {TRIES} reads; try again")

    async def vector(self, opened: OpenIndex, query: str) -> "list[float] | None":
        """The endpoint's vector of a query; None where the built-in table makes it. Raises ``EmbedderMismatch``."""
        check_embedder(opened.version, self._embedder)
        if self._embedder.built_in:
            return None
        (vector,) = await self._embedder.ask([query])
        check_embedder(opened.version, self._embedder, len(vector))
        return vector

    async def _opened(self, tenant_id: str, index: str) -> OpenIndex:
        from jobforge.aias.ranking import live

        version = await self._shelf.newest(tenant_id, index)
        if version is None:
            raise IndexMissing(f"there is no index {index}; run aias.knowledge.index first")
        kept = self._open.get((tenant_id, index))
        known = {}
        if kept is not None:
            if kept.version.number == version.number:
                return kept
            names = (entry.name for entry in kept.version.segments)
            known = {name: part.segment for name, part in zip(names, kept.parts, strict=True)}
        segments = [known.get(entry.name) or await self._read(tenant_id, index, entry) for entry in version.segments]
        parts = [live(s, frozenset(e.documents)) for s, e in zip(segments, version.segments, strict=True)]
        opened = OpenIndex(version, tuple(parts))
        self._open[tenant_id, index] = opened
        self._open.move_to_end((tenant_id, index))
        while len(self._open) > 1 and sum(each.size for each in self._open.values()) > self._budget:
            self._open.popitem(last=False)
        return opened

    async def _read(self, tenant_id: str, index: str, entry: SegmentEntry) -> "Segment":
        from jobforge.aias.storing.segment import from_bytes

        data = await self._shelf.read_segment(tenant_id, index, entry.name)
        return await asyncio.to_thread(from_bytes, data)


def search_type_of(version: IndexVersion, wanted: IndexType | None) -> IndexType:
    """The type of a search: the index's own unless another is wanted; raises ``IndexTypeMismatch``."""
    if wanted is None or version.index_type in (wanted, "hybrid"):
        return wanted or version.index_type
    raise IndexTypeMismatch(
        f"the index is a {version.index_type} index and search_type is {wanted}: leave search_type out, or index the "
        "documents again with index_type hybrid and rebuild"
    )


def check_embedder(version: IndexVersion, embedder: Embedder, dimensions: int | None = None) -> None:
    """Raise ``EmbedderMismatch`` for an index whose vectors come from elsewhere, or have other dimensions."""
    if version.embedder is None:
        return
    if version.embedder != embedder.name or dimensions not in (None, version.dimensions):
        raise EmbedderMismatch(
            f"the index holds vectors of {version.embedder} ({version.dimensions} dimensions) and the service makes "
            f"those of {embedder.name} ({dimensions or 'other'} dimensions): index the documents again with rebuild"
        )


def found(opened: OpenIndex, query: str, k: int, search_type: IndexType, vector: list[float] | None) -> "list[Hit]":
    """The best documents for a query. Runs in a thread: a few milliseconds, most of them outside Python."""
    import numpy as np

    from jobforge.aias import vectors
    from jobforge.aias.ranking import best
    from jobforge.aias.words import terms

    asked = None
    if search_type != "keyword":
        rows = vectors.embed([query]) if vector is None else vectors.normalised(np.array([vector], np.float32))
        asked = rows[0]
    words = terms(query) if search_type != "vector" else []
    return best(opened.parts, k, search_type, terms=words, vector=asked)
