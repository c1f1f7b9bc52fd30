"""How well and how fast the plane indexes and searches the Cranfield abstracts.

The 1,400 abstracts are uploaded and indexed with several jobs at once; all queries run by each type of search, one
after the other.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import bm25s
import cranfield
import Stemmer
from figures import Figure, below
from running import TENANT, completed

from jobforge.client import AsyncJobForgeClient
from jobforge.testkit.backends import Plane
from jobforge.testkit.processes import ServiceProcess, Services

JOBS = 4
"""Index jobs at once."""
UPLOADS = 8
MIB = 1024 * 1024
HYBRID_BEFORE = 0.384
"""What fusing the ranks of bm25s and of the bundled vectors gave."""


@dataclass(frozen=True, slots=True)
class Searched:
    """All queries by one type of search: nDCG@10 of each, and milliseconds inside the job."""

    scores: list[float]
    inside: list[float]


async def measure(plane: Plane, folder: Path, data: Path) -> list[Figure]:
    """Start, upload, index, search what ``data / "cranfield"`` holds."""
    collection = cranfield.read(data / "cranfield")
    async with Services(plane.environment(artifacts=folder / "artifacts"), logs=folder / "logs") as services:
        await services.start("ingestion", "manifest", timeout=300)
        aias = services.add("aias")
        aias.begin()
        started = await aias.ready(timeout=300)
        figures = [
            below("search: service ready, seconds", started, 8),
            below("search: service idle, MiB", _resident(aias), 250),
        ]
        doors = {"url": services["ingestion"].url, "query_url": services["manifest"].url}
        async with AsyncJobForgeClient(**doors, timeout=1800) as client:
            await upload(client, collection)
            print(f"uploaded: {len(collection.documents)}", flush=True)
            took, indexed = await index(client, list(collection.documents))
            figures.append(below(f"search: {indexed} documents indexed by {JOBS} jobs at once, seconds", took, 60))
            found = {kind: await search_all(client, collection, kind) for kind in ("keyword", "vector", "hybrid")}
        figures.append(below("search: service after searches, MiB", _resident(aias), 250))
    return [*ranking(collection, found), *speed(found), *figures]


async def upload(client: AsyncJobForgeClient, collection: cranfield.Cranfield) -> None:
    """Each abstract as an object."""
    gate = asyncio.Semaphore(UPLOADS)

    async def one(document_id: str, text: str) -> None:
        async with gate:
            await client.put_object("document", document_id, text.encode(), tenant_id=TENANT, content_type="text/plain")

    await asyncio.gather(*(one(*each) for each in collection.documents.items()))


async def index(client: AsyncJobForgeClient, documents: Sequence[str]) -> tuple[float, int]:
    """The seconds that indexing took, and how many documents are in the index; those without a word are not."""
    began = time.monotonic()
    parts = [list(documents[first::JOBS]) for first in range(JOBS)]
    ends = await asyncio.gather(
        *(completed(client, "aias.knowledge.index", {"document_ids": part}, timeout=1800) for part in parts)
    )
    took = time.monotonic() - began
    skipped = [each for _, outputs in ends for each in outputs["skipped"]]
    print("skipped:", *(f"{each['document_id']} ({each['code']})" for each in skipped), flush=True)
    assert max(outputs["total_documents"] for _, outputs in ends) == len(documents) - len(skipped)
    return took, len(documents) - len(skipped)


async def search_all(client: AsyncJobForgeClient, collection: cranfield.Cranfield, kind: str) -> Searched:
    """Every query, one after the other."""
    searched = Searched([], [])
    for number, query in enumerate(collection.queries):
        inputs = {"query": query, "k": cranfield.CUT, "search_type": kind}
        manifest, outputs = await completed(client, "aias.knowledge.search", inputs, timeout=1800)
        searched.scores.append(collection.ndcg(number, [hit["document_id"] for hit in outputs["hits"]]))
        searched.inside.append(manifest.metrics["milliseconds"])
    print(f"{kind}: {len(searched.scores)} queries", flush=True)
    return searched


def ranking(collection: cranfield.Cranfield, found: dict[str, Searched]) -> list[Figure]:
    """nDCG@10, keyword against bm25s here and now."""
    reference = bm25s_score(collection)
    keyword, vector, hybrid = (fmean(found[kind].scores) for kind in ("keyword", "vector", "hybrid"))
    return [
        Figure("search: bm25s with English stemming, nDCG@10", "", f"{reference:.4f}", True),
        Figure(
            "search: keyword, nDCG@10", f"{reference:.4f} ± 0.01", f"{keyword:.4f}", abs(keyword - reference) <= 0.01
        ),
        Figure("search: vector, nDCG@10", "", f"{vector:.4f}", True),
        Figure(
            "search: hybrid, nDCG@10",
            f"above keyword, and {HYBRID_BEFORE}",
            f"{hybrid:.4f}",
            hybrid > max(keyword, HYBRID_BEFORE),
        ),
    ]


def speed(found: dict[str, Searched]) -> list[Figure]:
    """Milliseconds inside the job; the very first search loads the table of vectors and the index."""
    first = found["keyword"].inside[0]
    figures = [Figure("search: first search after the start, ms in the job", "", f"{first:.1f}", True)]
    for kind, searched in found.items():
        warm = sorted(searched.inside[1:])
        figures.append(
            Figure(f"search: {kind}, median ms in the job", "below 50", f"{median(warm):.1f}", median(warm) < 50)
        )
        p99 = warm[int(len(warm) * 0.99)]
        figures.append(Figure(f"search: {kind}, p99 ms in the job", "below 50", f"{p99:.1f}", p99 < 50))
    return figures


def bm25s_score(collection: cranfield.Cranfield) -> float:
    """The library's own ranking of whole texts."""
    stemmer, ids = Stemmer.Stemmer("english"), list(collection.documents)
    index = bm25s.BM25()

    def words(texts: Sequence[str]) -> Any:
        return bm25s.tokenize(list(texts), stopwords="en", stemmer=stemmer, show_progress=False)

    index.index(words(list(collection.documents.values())), show_progress=False)
    ranked, _ = index.retrieve(words(collection.queries), k=cranfield.CUT, show_progress=False)
    return fmean(collection.ndcg(number, [ids[at] for at in row]) for number, row in enumerate(ranked))


def _resident(service: ServiceProcess) -> float:
    return service.resident_bytes / MIB
