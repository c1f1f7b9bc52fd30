"""What child processes do for the service; the heavy libraries are imported only there."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobforge.aias.storing.version import IndexType
from jobforge.documents.bounds import Bounds, bounded
from jobforge.execution.errors import Terminal


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded document, as it goes to the child."""

    document_id: str
    data: bytes
    content_type: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that cannot be indexed, and why."""

    document_id: str
    error: Terminal


@dataclass(frozen=True, slots=True)
class Prepared:
    """A segment of the documents that could be read, with the chunks of each; None if there is none."""

    segment: bytes | None
    chunks: dict[str, int]
    refused: list[Refused]
    texts: list[str]
    """The text of each chunk, if somebody else makes their vectors."""


def prepare(uploads: Sequence[Upload], index_type: IndexType, bounds: Bounds, built_in: bool) -> Prepared:
    """Read documents, cut them into chunks and make them ready for search; each failure costs its document alone."""
    from jobforge.aias import vectors
    from jobforge.aias.chunking import Chunk, chunked
    from jobforge.aias.reading import read_words
    from jobforge.aias.storing.segment import built, to_bytes

    chunks: dict[str, list[Chunk]] = {}
    refused = []
    for upload in uploads:
        try:
            with bounded(bounds):
                chunks[upload.document_id] = chunked(read_words(upload.data, upload.content_type, bounds))
        except Terminal as error:
            refused.append(Refused(upload.document_id, type(error)(f"{upload.document_id}: {error}")))
    if not chunks:
        return Prepared(None, {}, refused, [])
    texts = [chunk.text for of_one in chunks.values() for chunk in of_one]
    made = vectors.embed(texts) if built_in and index_type != "keyword" else None
    segment = to_bytes(built(chunks, keywords=index_type != "vector", vectors=made))
    elsewhere = index_type != "keyword" and not built_in
    return Prepared(
        segment, {name: len(of_one) for name, of_one in chunks.items()}, refused, texts if elsewhere else []
    )


def with_vectors(segment: bytes, rows: Sequence[Sequence[float]]) -> bytes:
    """The segment with a vector for each of its chunks, scaled to the length 1."""
    from dataclasses import replace

    import numpy as np

    from jobforge.aias.storing.segment import from_bytes, to_bytes
    from jobforge.aias.vectors import normalised

    return to_bytes(replace(from_bytes(segment), vectors=normalised(np.array(rows, np.float32))))


def merge(parts: Sequence[tuple[bytes, frozenset[str]]]) -> bytes:
    """One segment of several: of each, the documents named."""
    from jobforge.aias.storing.segment import from_bytes, merged, to_bytes

    return to_bytes(merged([(from_bytes(data), documents) for data, documents in parts]))
