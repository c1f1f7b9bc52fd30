"""Documents are indexed, replaced and removed, whatever else happens to the index meanwhile."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from jobforge.aias import gathering, steps
from jobforge.aias.embedders import Embedder
from jobforge.aias.errors import (
    EmbedderMismatch,
    IndexTypeMismatch,
)
from jobforge.aias.indexing import Change, Indexing
from jobforge.aias.searching import Searching
from jobforge.aias.storing.shelf import Shelf
from jobforge.aias.templates import knowledge_search
from jobforge.aias.templates.knowledge_index import Inputs, Outputs, run
from jobforge.testkit.dying import DiesOf
from jobforge.testkit.recording_job import RecordingJob

Files = Callable[[], list[bytes]]
PUMP, WING = b"The pump starts with the green lever.", b"A wing gives lift in a slipstream."


def upload(job: RecordingJob, **documents: bytes | tuple[bytes, str]) -> None:
    for name, data in documents.items():
        job.objects["document", name] = data


async def ids(job: RecordingJob, searching: Searching, query: str, index: str = "default") -> list[str]:
    inputs = knowledge_search.Inputs(query=query, index=index)
    return [hit.document_id for hit in (await knowledge_search.run(inputs, job, searching=searching)).hits]


async def test_documents_of_every_kind_come_into_one_index(
    indexing: Indexing, manual_pdf: bytes, manual_docx: bytes
) -> None:
    """Text, Markdown, HTML, PDF and DOCX, read in a real child process."""
    recording_job = RecordingJob()
    markdown, html = (b"# Pumps\n\nGreen.", "text/markdown"), (b"<p>Wings</p>", "text/html")
    upload(recording_job, text=PUMP, markdown=markdown, html=html, pdf=manual_pdf, docx=manual_docx)
    inputs = Inputs(document_ids=("text", "markdown", "html", "pdf", "docx"))
    outputs = await run(inputs, recording_job, indexing=indexing)
    assert (outputs.index, outputs.index_type, outputs.version) == ("default", "hybrid", 1)
    assert (outputs.documents, outputs.total_documents, outputs.dimensions) == (5, 5, 256)
    assert outputs.chunks == outputs.total_chunks >= 5
    assert outputs.skipped == []
    assert recording_job.tool_versions["wordllama"]
    assert recording_job.metrics["documents"] == 5


async def test_a_document_indexed_again_is_replaced(
    recording_job: RecordingJob, indexing: Indexing, searching: Searching
) -> None:
    """It is found by its new words alone."""
    upload(recording_job, a=PUMP)
    await run(Inputs(document_ids=("a",), index_type="keyword"), recording_job, indexing=indexing)
    assert await ids(recording_job, searching, "pump") == ["a"]
    upload(recording_job, a=WING)
    again = await run(Inputs(document_ids=("a",), index_type="keyword"), recording_job, indexing=indexing)
    assert (again.total_documents, again.total_chunks) == (1, 1)
    assert await ids(recording_job, searching, "pump") == []
    assert await ids(recording_job, searching, "wing") == ["a"]


async def test_a_removed_document_is_gone_from_the_store_too(
    recording_job: RecordingJob, indexing: Indexing, searching: Searching, files: Files
) -> None:
    """No file holds its text when the job has ended."""
    upload(recording_job, a=PUMP, b=WING, c=b"Other words about wings")
    await run(Inputs(document_ids=("a", "b", "c")), recording_job, indexing=indexing)
    removed = await run(Inputs(remove_document_ids=("a", "zebra")), recording_job, indexing=indexing)
    assert (removed.removed, removed.total_documents) == (1, 2)
    assert "a" not in await ids(recording_job, searching, "green lever of the pump")
    assert any(b"slipstream" in data for data in files())
    assert not any(b"lever" in data for data in files())


async def test_removing_the_last_document_leaves_an_empty_index(
    recording_job: RecordingJob, indexing: Indexing, searching: Searching
) -> None:
    """Which finds nothing, and is there."""
    upload(recording_job, a=PUMP)
    await run(Inputs(document_ids=("a",)), recording_job, indexing=indexing)
    await run(Inputs(remove_document_ids=("a",)), recording_job, indexing=indexing)
    assert await ids(recording_job, searching, "pump") == []


async def test_a_bad_document_is_skipped_by_name_and_stays_as_it_was_indexed(
    recording_job: RecordingJob, indexing: Indexing, searching: Searching
) -> None:
    """The others do not pay for it."""
    upload(recording_job, a=PUMP)
    await run(Inputs(document_ids=("a",)), recording_job, indexing=indexing)
    upload(recording_job, a=b"%PDF-1.7 broken", b=WING, c=b" ")
    outputs = await run(Inputs(document_ids=("a", "b", "c", "d")), recording_job, indexing=indexing)
    assert {(each.document_id, each.code) for each in outputs.skipped} == {
        ("a", "document.unreadable"),
        ("c", "document.empty"),
        ("d", "object.not_found"),
    }
    assert all(each.document_id in each.reason for each in outputs.skipped)
    assert (outputs.documents, outputs.total_documents) == (1, 2)
    assert (await ids(recording_job, searching, "green lever"))[0] == "a"


async def test_a_document_that_kills_its_reader_is_skipped_alone(
    indexing: Indexing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its neighbours in the batch are read again without it."""
    recording_job = RecordingJob()
    monkeypatch.setattr(gathering, "prepare", DiesOf("poison", steps.prepare))
    upload(recording_job, a=PUMP, poison=b"words", b=WING)
    inputs = Inputs(document_ids=("a", "poison", "b"), index_type="keyword")
    outputs = await run(inputs, recording_job, indexing=indexing)
    assert [(each.document_id, each.code) for each in outputs.skipped] == [("poison", "document.too_costly")]
    assert outputs.documents == 2


async def test_jobs_on_one_index_at_once_lose_nothing(
    recording_job: RecordingJob, indexing: Indexing, searching: Searching
) -> None:
    """Twelve jobs, and so many segments that they are merged meanwhile."""

    async def index(number: int) -> Outputs:
        job = replace(recording_job, objects={("document", f"d-{number}"): f"words of number{number}".encode()})
        inputs = Inputs(document_ids=(f"d-{number}",), index_type="keyword")
        outputs: Outputs = await run(inputs, job, indexing=indexing)
        return outputs

    outputs = await asyncio.gather(*(index(number) for number in range(12)))
    assert max(each.total_documents for each in outputs) == 12
    for number in range(12):
        assert await ids(recording_job, searching, f"number{number}") == [f"d-{number}"]


async def test_a_slow_job_does_not_put_back_what_was_replaced_while_it_ran(
    indexing: Indexing, searching: Searching, recording_job: RecordingJob
) -> None:
    """It read the old upload; another job has indexed the new one since."""
    old, new = b"the old pump", b"the new pump"

    inputs = Inputs(document_ids=("a",), index_type="keyword")
    change = Change("default", "keyword", ("a",), (), rebuild=False)
    upload(recording_job, a=old)
    base = await indexing.base(recording_job, change)
    gathered = await indexing.gather(recording_job, change)
    upload(recording_job, a=new)
    await run(inputs, recording_job, indexing=indexing)
    await indexing.commit(recording_job, change, base, gathered)
    assert await ids(recording_job, searching, "old") == []
    assert await ids(recording_job, searching, "new") == ["a"]


async def test_an_index_keeps_its_type_and_its_vectors_source_until_it_is_rebuilt(
    recording_job: RecordingJob, shelf: Shelf, indexing: Indexing, embedder: Embedder
) -> None:
    """A mixture could not be searched; the message says what to do."""
    upload(recording_job, a=PUMP, b=WING)
    await run(Inputs(document_ids=("a",), index_type="vector"), recording_job, indexing=indexing)
    with pytest.raises(IndexTypeMismatch, match="rebuild"):
        await run(Inputs(document_ids=("b",), index_type="keyword"), recording_job, indexing=indexing)
    embedder.name = "endpoint:another"
    with pytest.raises(EmbedderMismatch, match="rebuild"):
        await run(Inputs(document_ids=("b",), index_type="vector"), recording_job, indexing=indexing)
    rebuilt = await run(
        Inputs(document_ids=("b",), index_type="keyword", rebuild=True), recording_job, indexing=indexing
    )
    assert (rebuilt.version, rebuilt.total_documents, rebuilt.dimensions, rebuilt.embedder) == (2, 1, None, None)


async def test_a_dry_run_tells_what_would_be_and_changes_nothing(
    recording_job: RecordingJob, indexing: Indexing, files: Files
) -> None:
    """No file is written."""
    upload(recording_job, a=PUMP)
    recording_job.dry_run = True
    outputs = await run(Inputs(document_ids=("a",)), recording_job, indexing=indexing)
    assert (outputs.documents, outputs.total_documents) == (1, 1)
    assert files() == []


async def test_what_a_job_indexed_names_the_bytes_it_read(
    recording_job: RecordingJob, indexing: Indexing, shelf: Shelf
) -> None:
    """By their digest."""
    upload(recording_job, a=PUMP)
    await run(Inputs(document_ids=("a",)), recording_job, indexing=indexing)
    version = await shelf.newest("acme", "default")
    assert version is not None
    assert version.documents["a"].sha256 == sha256(PUMP).hexdigest()
