"""Brings documents into an index and takes others out, while other jobs may do the same."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from jobforge.aias.embedders import Embedder
from jobforge.aias.errors import IndexFull, IndexMissing, IndexTypeMismatch
from jobforge.aias.gathering import KIND, Gathered, Gathering
from jobforge.aias.searching import check_embedder
from jobforge.aias.steps import merge
from jobforge.aias.storing.shelf import SegmentGone, Shelf
from jobforge.aias.storing.version import IndexType, IndexVersion, SegmentEntry, added_documents
from jobforge.documents.bounds import Bounds
from jobforge.execution.job import Job

_MERGE_TRIES = 5


@dataclass(frozen=True, slots=True)
class Change:
    """What a job is to do with an index."""

    index: str
    index_type: IndexType
    documents: tuple[str, ...]
    removed: tuple[str, ...]
    rebuild: bool


class Indexing:
    """Changes indexes on a shelf."""

    def __init__(self, shelf: Shelf, embedder: Embedder, bounds: Bounds, *, most_chunks: int) -> None:
        self._shelf = shelf
        self._embedder = embedder
        self._bounds = bounds
        self._most_chunks = most_chunks

    async def base(self, job: Job, change: Change) -> IndexVersion | None:
        """The index before the job; raises what would refuse the change in the end, before any work is done."""
        version = await self._shelf.newest(job.tenant_id, change.index)
        if version is None and not change.documents:
            raise IndexMissing(f"there is no index {change.index} to remove documents from")
        self._started(version, change, None)
        return version

    async def gather(self, job: Job, change: Change) -> Gathered:
        """Read all documents of the change."""
        gathering = Gathering(
            job, self._shelf, self._embedder, self._bounds, index=change.index, index_type=change.index_type
        )
        return await gathering.run(change.documents)

    async def commit(self, job: Job, change: Change, base: IndexVersion | None, gathered: Gathered) -> IndexVersion:
        """Make the index's next version. A document that another job indexed meanwhile stays as it is uploaded now."""
        mine, before = gathered.documents, base.documents if base else {}

        async def changed(newest: IndexVersion | None) -> IndexVersion:
            started = self._started(newest, change, gathered.dimensions)
            now = newest.documents if newest else {}
            contested = [d for d in mine if d in now and now[d] not in (before.get(d), mine[d])]
            stale = [d for d in contested if (await job.read_object(KIND, d)).sha256 != mine[d].sha256]
            added = [entry for each in gathered.entries if (entry := each.without(stale)).documents]
            version = started.changed(added, change.removed)
            if version.chunks > self._most_chunks:
                raise IndexFull(
                    f"the index {change.index} would hold {version.chunks} chunks; it may hold {self._most_chunks} "
                    "(JOBFORGE_AIAS_MAX_CHUNKS): use several indexes"
                )
            return version

        if job.dry_run:
            return await changed(base)
        version = await self._shelf.commit(job.tenant_id, change.index, changed)
        assert version is not None
        return version

    async def tidy(self, job: Job, change: Change, version: IndexVersion) -> IndexVersion:
        """Write segments anew that hold too much that does not count, or are too many. Removed text goes at once."""
        for _ in range(_MERGE_TRIES):
            chosen = version.to_merge(purged=bool(change.removed))
            if not chosen:
                break
            with suppress(SegmentGone):  # another job was here first
                await self._merge(job, change.index, chosen)
            version = await self._shelf.newest(job.tenant_id, change.index) or version
        return version

    def _started(self, newest: IndexVersion | None, change: Change, dimensions: int | None) -> IndexVersion:
        """What the change begins with; raises ``IndexTypeMismatch`` or ``EmbedderMismatch``."""
        with_vectors = change.index_type != "keyword"
        if newest is None or change.rebuild:
            return IndexVersion(
                number=newest.number if newest else 0,
                index_type=change.index_type,
                embedder=self._embedder.name if with_vectors else None,
                dimensions=dimensions,
            )
        if not change.documents:
            return newest
        if newest.index_type != change.index_type:
            raise IndexTypeMismatch(
                f"the index {change.index} is a {newest.index_type} index and index_type is {change.index_type}: give "
                "another index, or rebuild to begin it anew with these documents"
            )
        check_embedder(newest, self._embedder, dimensions)
        return newest

    async def _merge(self, job: Job, index: str, chosen: Sequence[SegmentEntry]) -> None:
        parts = [
            (await self._shelf.read_segment(job.tenant_id, index, entry.name), frozenset(entry.documents))
            for entry in chosen
        ]
        data = await job.in_process(merge, parts)
        name = await self._shelf.write_segment(job.tenant_id, index, data)
        documents = {document_id: each for entry in chosen for document_id, each in entry.documents.items()}
        new = added_documents(documents, name, len(data))

        async def replaced(newest: IndexVersion | None) -> IndexVersion | None:
            return newest.merged(chosen, new) if newest else None

        await self._shelf.commit(job.tenant_id, index, replaced)
