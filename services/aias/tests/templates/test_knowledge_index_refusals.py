"""What an index job is refused, before it begins or before it changes anything."""

import pytest
from pydantic import ValidationError

from jobforge.aias.embedders import Embedder
from jobforge.aias.errors import DocumentEmpty, IndexFull, IndexMissing
from jobforge.aias.indexing import Indexing
from jobforge.aias.storing.shelf import Shelf
from jobforge.aias.templates.knowledge_index import Inputs, run
from jobforge.documents.bounds import Bounds
from jobforge.documents.errors import DocumentUnreadable
from jobforge.execution.errors import ObjectMissing
from jobforge.testkit.recording_job import RecordingJob


async def test_an_index_that_would_be_too_large_is_refused_and_stays(
    recording_job: RecordingJob, shelf: Shelf, embedder: Embedder
) -> None:
    """The message names the limit."""
    recording_job.objects.update({("document", "a"): b"A pump.", ("document", "b"): b"A wing."})
    small = Indexing(shelf, embedder, Bounds(), most_chunks=1)
    await run(Inputs(document_ids=("a",)), recording_job, indexing=small)
    with pytest.raises(IndexFull, match="JOBFORGE_AIAS_MAX_CHUNKS"):
        await run(Inputs(document_ids=("b",)), recording_job, indexing=small)
    version = await shelf.newest("acme", "default")
    assert version is not None
    assert list(version.documents) == ["a"]


async def test_removing_from_an_index_that_is_not_there_is_refused(
    recording_job: RecordingJob, indexing: Indexing
) -> None:
    """It is probably a wrong name."""
    with pytest.raises(IndexMissing):
        await run(Inputs(remove_document_ids=("a",)), recording_job, indexing=indexing)


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"document_ids": ["a", "a"]},
        {"document_ids": ["a"], "remove_document_ids": ["a"]},
        {"remove_document_ids": ["a"], "rebuild": True},
        {"document_ids": ["../a"]},
        {"document_ids": ["a"], "index": "b/c"},
        {"document_ids": ["a"], "index_type": "graph"},
        {"document_ids": [f"d-{number}" for number in range(1001)]},
    ],
)
def test_inputs_that_mean_nothing_are_refused(inputs: dict[str, object]) -> None:
    """Before the job begins."""
    with pytest.raises(ValidationError):
        Inputs.model_validate(inputs)


@pytest.mark.parametrize(
    ("data", "error"), [(None, ObjectMissing), (b" ", DocumentEmpty), (b"%PDF-1.7 broken", DocumentUnreadable)]
)
async def test_a_job_none_of_whose_documents_can_be_read_fails_with_the_reason(
    recording_job: RecordingJob, indexing: Indexing, shelf: Shelf, data: bytes | None, error: type[Exception]
) -> None:
    """And makes no index."""
    if data is not None:
        recording_job.objects["document", "a"] = data
    with pytest.raises(error):
        await run(Inputs(document_ids=("a",)), recording_job, indexing=indexing)
    assert await shelf.newest("acme", "default") is None
