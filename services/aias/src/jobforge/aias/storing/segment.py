"""A segment: the chunks of some documents with all that searching them takes, as arrays in one immutable file."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from jobforge.aias.chunking import Chunk
from jobforge.aias.vectors import Vectors
from jobforge.aias.words import terms

Ints = NDArray[np.int32]
"""A segment is far smaller than 2 GiB, so 32 bits hold every offset and number in it."""
Numbers = NDArray[np.uint64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Postings:
    """Where each term stands: term i in the rows, that often, from ``term_ends[i]`` to before ``term_ends[i + 1]``."""

    terms: Numbers
    """Ascending."""
    term_ends: Ints
    rows: Ints
    counts: Ints
    lengths: Ints
    """Terms of each chunk."""

    def of(self, term: int) -> tuple[Ints, Ints]:
        """The rows that hold a term, and how often."""
        at = int(np.searchsorted(self.terms, np.uint64(term)))
        if at == len(self.terms) or int(self.terms[at]) != term:
            return self.rows[:0], self.counts[:0]
        found = slice(int(self.term_ends[at]), int(self.term_ends[at + 1]))
        return self.rows[found], self.counts[found]


@dataclass(frozen=True, slots=True)
class Segment:
    """``n`` chunks in the order of their documents; vectors and postings as the index's type has them."""

    documents: tuple[str, ...]
    owners: Ints
    """For each chunk its document's number."""
    starts: Ints
    ends: Ints
    pages: Ints
    """0 where the source has no pages."""
    text: NDArray[np.uint8]
    text_ends: Ints
    """n + 1 offsets into ``text``, the first one 0."""
    vectors: Vectors | None
    postings: Postings | None

    def passage(self, row: int) -> str:
        """The text of a chunk."""
        return self.encoded(row).decode()

    def encoded(self, row: int) -> bytes:
        """The same in UTF-8."""
        return bytes(self.text[self.text_ends[row] : self.text_ends[row + 1]])


def built(documents: Mapping[str, Sequence[Chunk]], *, keywords: bool, vectors: Vectors | None) -> Segment:
    """A segment of new documents; ``vectors`` has a row for each chunk."""
    chunks = [chunk for of_one in documents.values() for chunk in of_one]
    text, text_ends = _joined(chunk.text.encode() for chunk in chunks)
    return Segment(
        documents=tuple(documents),
        owners=_ints(number for number, of_one in enumerate(documents.values()) for _ in of_one),
        starts=_ints(chunk.start for chunk in chunks),
        ends=_ints(chunk.end for chunk in chunks),
        pages=_ints(chunk.page or 0 for chunk in chunks),
        text=text,
        text_ends=text_ends,
        vectors=vectors,
        postings=_postings([terms(chunk.text) for chunk in chunks]) if keywords else None,
    )


def merged(parts: Sequence[tuple[Segment, frozenset[str]]]) -> Segment:
    """One segment of several of one kind: of each, the documents named."""
    pairs = [(part, np.isin(part.owners, _numbers(part, named))) for part, named in parts]
    documents = tuple(name for part, named in parts for name in part.documents if name in named)
    number = {name: at for at, name in enumerate(documents)}
    text, text_ends = _joined(part.encoded(row) for part, keep in pairs for row in np.flatnonzero(keep).tolist())
    vectors = [part.vectors[keep] for part, keep in pairs if part.vectors is not None]
    return Segment(
        documents=documents,
        owners=_ints(number[part.documents[owner]] for part, keep in pairs for owner in part.owners[keep]),
        starts=np.concatenate([part.starts[keep] for part, keep in pairs]),
        ends=np.concatenate([part.ends[keep] for part, keep in pairs]),
        pages=np.concatenate([part.pages[keep] for part, keep in pairs]),
        text=text,
        text_ends=text_ends,
        vectors=np.concatenate(vectors) if vectors else None,
        postings=_merged_postings([(part.postings, keep) for part, keep in pairs if part.postings is not None]),
    )


def to_bytes(segment: Segment) -> bytes:
    """The segment as a safetensors file."""
    arrays = _arrays(segment, Segment) | _arrays(segment.postings, Postings)
    return save(arrays, {"documents": json.dumps(segment.documents)})


def from_bytes(data: bytes) -> Segment:
    """The segment of ``to_bytes``."""
    size = int.from_bytes(data[:8], "little")
    documents = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["documents"])
    arrays: dict[str, Any] = load(data)
    vectors = arrays.pop("vectors", None)
    names = {field.name for field in fields(Postings)} & arrays.keys()
    postings = Postings(**{name: arrays.pop(name) for name in names}) if names else None
    return Segment(documents=tuple(documents), vectors=vectors, postings=postings, **arrays)


def _arrays(holder: Segment | Postings | None, kind: type[Segment | Postings]) -> dict[str, NDArray[Any]]:
    held = {field.name: getattr(holder, field.name, None) for field in fields(kind)}
    return {name: np.ascontiguousarray(value) for name, value in held.items() if isinstance(value, np.ndarray)}


def _postings(chunks: Sequence[Sequence[int]]) -> Postings:
    counted = [Counter(chunk) for chunk in chunks]
    return _by_term(
        np.fromiter((term for chunk in counted for term in chunk), np.uint64),
        _ints(row for row, chunk in enumerate(counted) for _ in chunk),
        _ints(count for chunk in counted for count in chunk.values()),
        _ints(len(chunk) for chunk in chunks),
    )


def _merged_postings(pairs: Sequence[tuple[Postings, Mask]]) -> Postings | None:
    if not pairs:
        return None
    numbers, rows, before = [], [], 0
    for part, keep in pairs:
        live = keep[part.rows]
        renumbered = (np.cumsum(keep) - 1 + before).astype(np.int32)
        numbers.append(np.repeat(part.terms, np.diff(part.term_ends))[live])
        rows.append(renumbered[part.rows[live]])
        before += int(keep.sum())
    counts = np.concatenate([part.counts[keep[part.rows]] for part, keep in pairs])
    lengths = np.concatenate([part.lengths[keep] for part, keep in pairs])
    return _by_term(np.concatenate(numbers), np.concatenate(rows), counts, lengths)


def _by_term(numbers: Numbers, rows: Ints, counts: Ints, lengths: Ints) -> Postings:
    order = np.lexsort((rows, numbers))
    found, sizes = np.unique(numbers[order], return_counts=True)
    return Postings(found, _ends(sizes), rows[order], counts[order], lengths)


def _numbers(segment: Segment, named: frozenset[str]) -> list[int]:
    return [number for number, name in enumerate(segment.documents) if name in named]


def _joined(texts: Iterable[bytes]) -> tuple[NDArray[np.uint8], Ints]:
    kept = list(texts)
    return np.frombuffer(b"".join(kept), np.uint8), _ends(np.array([len(text) for text in kept], np.int64))


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, np.int32)


def _ends(sizes: NDArray[Any]) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
