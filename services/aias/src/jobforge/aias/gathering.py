"""Turns a job's uploaded documents into segments that are stored and that no version names yet."""

from asyncio import gather
from collections.abc import Sequence
from dataclasses import dataclass, field

from jobforge.aias.embedders import BUILT_IN_DIMENSIONS, Embedder
from jobforge.aias.steps import Prepared, Refused, Upload, merge, prepare, with_vectors
from jobforge.aias.storing.shelf import Shelf
from jobforge.aias.storing.version import IndexedDocument, IndexType, SegmentEntry, added_documents
from jobforge.documents.bounds import MIB, Bounds
from jobforge.documents.errors import DocumentTooCostly, DocumentTooLarge
from jobforge.execution.errors import ChildDied, ObjectMissing
from jobforge.execution.job import Job

KIND = "document"
_READ_AT_ONCE = 8
_BATCH = 32
_BATCH_BYTES = 8 * MIB
_SEGMENT_BYTES = 24 * MIB
"""Segments of batches are gathered up to this size and then written as one."""


@dataclass(slots=True)
class Gathered:
    """What became of a job's documents."""

    entries: list[SegmentEntry] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    dimensions: int | None = None

    @property
    def documents(self) -> dict[str, IndexedDocument]:
        """The documents that could be read."""
        return {name: document for entry in self.entries for name, document in entry.documents.items()}


class Gathering:
    """Reads the documents of one job into one index; a dry run stores nothing."""

    def __init__(
        self, job: Job, shelf: Shelf, embedder: Embedder, bounds: Bounds, *, index: str, index_type: IndexType
    ) -> None:
        self._job = job
        self._shelf = shelf
        self._embedder = embedder
        self._bounds = bounds
        self._index = index
        self._index_type: IndexType = index_type
        self._parts: list[tuple[bytes, dict[str, IndexedDocument]]] = []
        self._gathered = Gathered()

    async def run(self, document_ids: Sequence[str]) -> Gathered:
        """All documents, each indexed or refused."""
        if self._index_type != "keyword" and self._embedder.built_in:
            self._gathered.dimensions = BUILT_IN_DIMENSIONS
        batch: list[Upload] = []
        done = 0
        for first in range(0, len(document_ids), _READ_AT_ONCE):
            uploads = await gather(*map(self._upload, document_ids[first : first + _READ_AT_ONCE]))
            batch += [upload for upload in uploads if upload is not None]
            if len(batch) >= _BATCH or sum(len(upload.data) for upload in batch) > _BATCH_BYTES:
                await self._take(batch)
                done, batch = done + len(batch), []
                await self._job.progress(0.95 * done / len(document_ids), f"{done} documents read")
        if batch:
            await self._take(batch)
        await self._flush()
        return self._gathered

    async def _upload(self, document_id: str) -> Upload | None:
        try:
            stored = await self._job.read_object(KIND, document_id)
            self._bounds.hold(size=stored.size)
        except ObjectMissing as error:
            self._gathered.refused.append(Refused(document_id, error))
            return None
        except DocumentTooLarge as error:
            self._gathered.refused.append(Refused(document_id, DocumentTooLarge(f"{document_id}: {error}")))
            return None
        return Upload(document_id, stored.data, stored.content_type, stored.sha256)

    async def _take(self, batch: Sequence[Upload]) -> None:
        """Read a batch in a child; if it dies, each document alone, so that only what kills it is refused."""
        try:
            prepared = await self._job.in_process(
                prepare, batch, self._index_type, self._bounds, self._embedder.built_in
            )
        except ChildDied:
            if len(batch) == 1:
                why = f"{batch[0].document_id}: the process that read it died (killed, or out of memory)"
                self._gathered.refused.append(Refused(batch[0].document_id, DocumentTooCostly(why)))
                return
            for upload in batch:
                await self._take([upload])
            return
        self._gathered.refused += prepared.refused
        if prepared.segment is None:
            return
        sums = {upload.document_id: upload.sha256 for upload in batch}
        documents = {d: IndexedDocument(sha256=sums[d], chunks=n) for d, n in prepared.chunks.items()}
        self._parts.append((await self._with_vectors(prepared, prepared.segment), documents))
        if sum(len(part) for part, _ in self._parts) > _SEGMENT_BYTES:
            await self._flush()

    async def _with_vectors(self, prepared: Prepared, segment: bytes) -> bytes:
        if not prepared.texts:
            return segment
        rows = await self._embedder.ask(prepared.texts)
        self._gathered.dimensions = len(rows[0])
        return await self._job.in_process(with_vectors, segment, rows)

    async def _flush(self) -> None:
        """Store what was gathered as one segment."""
        if not self._parts:
            return
        parts, self._parts = self._parts, []
        data = parts[0][0]
        if len(parts) > 1:
            data = await self._job.in_process(merge, [(part, frozenset(documents)) for part, documents in parts])
        documents = {document_id: document for _, part in parts for document_id, document in part.items()}
        name = "" if self._job.dry_run else await self._shelf.write_segment(self._job.tenant_id, self._index, data)
        self._gathered.entries.append(added_documents(documents, name, len(data)))
