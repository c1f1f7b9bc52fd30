"""Indexes uploaded documents for search, replaces those that changed, and takes others out."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from jobforge.aias.indexing import Change, Indexing
from jobforge.aias.versions import library_versions
from jobforge.contracts.base import ObjectId, StrictInput
from jobforge.execution.job import Job
from jobforge.execution.template import template

MOST_DOCUMENTS = 1_000
"""A manifest names every object that a job read, and holds as many."""


class Inputs(StrictInput):
    """Which documents come into which index, and which go."""

    document_ids: tuple[ObjectId, ...] = Field(
        default=(),
        max_length=MOST_DOCUMENTS,
        json_schema_extra={"uniqueItems": True},
        description="Uploaded objects of the kind `document`: text, Markdown, HTML, PDF or DOCX.",
    )
    index_type: Literal["vector", "keyword", "hybrid"] = Field(
        default="hybrid", description="What the index can be searched by; hybrid is both, and finds best."
    )
    index: ObjectId = Field(default="default", description="The tenant's index of that name, made when missing.")
    remove_document_ids: tuple[ObjectId, ...] = Field(
        default=(),
        max_length=10 * MOST_DOCUMENTS,
        json_schema_extra={"uniqueItems": True},
        description="Documents to take out of the index; one that is not in it is no error.",
    )
    rebuild: bool = Field(
        default=False, description="Begin the index anew with these documents alone; until then the old one answers."
    )

    @field_validator("document_ids", "remove_document_ids")
    @classmethod
    def _unique(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(values)) < len(values):
            raise ValueError("each may be named once")
        return values

    @model_validator(mode="after")
    def _something_to_do(self) -> Self:
        if not self.document_ids and (self.rebuild or not self.remove_document_ids):
            raise ValueError("name at least one of document_ids, or of remove_document_ids without rebuild")
        if set(self.document_ids) & set(self.remove_document_ids):
            raise ValueError("a document is either indexed or removed")
        return self


class Skipped(BaseModel):
    """A document that was not indexed; if the index held it before, it still does."""

    document_id: str
    code: str
    reason: str


class Outputs(BaseModel):
    """What was indexed, and what the index holds now."""

    index: str
    index_type: Literal["vector", "keyword", "hybrid"]
    version: int = Field(description="Grows with every change of the index.")
    documents: int = Field(description="Indexed by this job.")
    chunks: int = Field(description="Of these documents.")
    removed: int
    total_documents: int = Field(description="In the index.")
    total_chunks: int
    dimensions: int | None = Field(description="Of its vectors; null for a keyword index.")
    embedder: str | None = Field(description="Who made the vectors.")
    skipped: list[Skipped]


@template("aias.knowledge.index", scopes={"aias:write"}, timeout=timedelta(minutes=10))
async def run(inputs: Inputs, job: Job, *, indexing: Indexing) -> Outputs:
    """Make documents searchable: read, cut into chunks along their structure, and put into an index of the tenant.

    A document that cannot be read is skipped with the reason; if none can, the job fails with the first one's.
    """
    change = Change(inputs.index, inputs.index_type, inputs.document_ids, inputs.remove_document_ids, inputs.rebuild)
    base = await indexing.base(job, change)
    gathered = await indexing.gather(job, change)
    if gathered.refused and not gathered.documents and not inputs.remove_document_ids:
        raise gathered.refused[0].error
    version = await indexing.commit(job, change, base, gathered)
    removed = sum(document_id in base.documents for document_id in inputs.remove_document_ids) if base else 0
    if not job.dry_run:
        version = await indexing.tidy(job, change, version)
    for name, used in library_versions().items():
        job.used_tool(name, used)
    indexed = gathered.documents
    outputs = Outputs(
        index=inputs.index,
        index_type=version.index_type,
        version=version.number,
        documents=len(indexed),
        chunks=sum(document.chunks for document in indexed.values()),
        removed=removed,
        total_documents=len(version.documents),
        total_chunks=version.chunks,
        dimensions=version.dimensions,
        embedder=version.embedder,
        skipped=[
            Skipped(document_id=each.document_id, code=each.error.code, reason=str(each.error))
            for each in gathered.refused
        ],
    )
    for figure in ("documents", "chunks", "total_documents", "total_chunks"):
        job.measure(figure, getattr(outputs, figure))
    job.measure("skipped", len(outputs.skipped))
    return outputs
