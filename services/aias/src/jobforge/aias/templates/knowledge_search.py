"""Finds the passages of a tenant's indexed documents that answer a query best."""

from datetime import timedelta
from time import perf_counter
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from jobforge.aias.searching import Searching, found, search_type_of
from jobforge.contracts.base import ObjectId, StrictInput
from jobforge.execution.job import Job
from jobforge.execution.template import template


class Inputs(StrictInput):
    """What to look for, and where."""

    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]
    k: int = Field(default=10, ge=1, le=100, description="Hits at most.")
    index: ObjectId = Field(default="default", description="The tenant's index to search.")
    search_type: Literal["vector", "keyword", "hybrid"] | None = Field(
        default=None, description="The index's own type unless given; a hybrid index can be searched by each."
    )


class Hit(BaseModel):
    """A document, shown by its best passage."""

    document_id: str
    score: float = Field(
        description="keyword: BM25; vector: cosine; hybrid: the mean of both, each relative to the query's best."
    )
    passage: str
    start: int = Field(description="Where the passage begins in the source, in characters.")
    end: int = Field(description="Behind its last character.")
    page: int | None = Field(description="Its page, from 1, where the source has pages.")


class Outputs(BaseModel):
    """The hits, best first, each document at most once."""

    hits: list[Hit]
    index: str
    version: int
    search_type: Literal["vector", "keyword", "hybrid"]


@template("aias.knowledge.search", scopes={"aias:read"}, timeout=timedelta(seconds=30))
async def run(inputs: Inputs, job: Job, *, searching: Searching) -> Outputs:
    """Search an index by words, by likeness of meaning, or by both; what other jobs indexed before is found."""
    began = perf_counter()
    opened = await searching.open(job.tenant_id, inputs.index)
    search_type = search_type_of(opened.version, inputs.search_type)
    vector = await searching.vector(opened, inputs.query) if search_type != "keyword" else None
    hits = await job.in_thread(found, opened, inputs.query, inputs.k, search_type, vector)
    outputs = Outputs(
        hits=[
            Hit(
                document_id=hit.document_id,
                score=round(hit.score, 6),
                passage=hit.segment.passage(hit.row),
                start=int(hit.segment.starts[hit.row]),
                end=int(hit.segment.ends[hit.row]),
                page=int(hit.segment.pages[hit.row]) or None,
            )
            for hit in hits
        ],
        index=inputs.index,
        version=opened.version.number,
        search_type=search_type,
    )
    job.measure("milliseconds", 1000 * (perf_counter() - began))
    job.measure("hits", len(hits))
    job.measure("chunks_searched", opened.version.chunks)
    return outputs
