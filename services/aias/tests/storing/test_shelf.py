"""The shelf over a real directory and over a real S3 protocol server."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from jobforge.aias.storing import shelf as shelf_module
from jobforge.aias.storing.shelf import SegmentGone, Shelf
from jobforge.aias.storing.version import IndexedDocument, IndexVersion, added_documents


@pytest.fixture(params=["file", "s3"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return Shelf(tmp_path.as_uri() if request.param == "file" else request.getfixturevalue("bucket").url)


async def add(shelf: Shelf, document_id: str, data: bytes = b"segment") -> IndexVersion:
    """What an index job does."""
    name = await shelf.write_segment("acme", "notes", data)
    entry = added_documents({document_id: IndexedDocument(sha256="0", chunks=1)}, name, len(data))

    async def change(newest: IndexVersion | None) -> IndexVersion:
        empty = IndexVersion(number=0, index_type="keyword", embedder=None, dimensions=None)
        return (newest or empty).changed([entry], [])

    version = await shelf.commit("acme", "notes", change)
    assert version is not None
    return version


async def test_an_index_is_there_after_its_first_commit(shelf: Shelf) -> None:
    """Not with its first segment."""
    assert await shelf.newest("acme", "notes") is None
    await shelf.write_segment("acme", "notes", b"nobody names it")
    assert await shelf.newest("acme", "notes") is None
    version = await add(shelf, "a")
    assert await shelf.newest("acme", "notes") == version
    assert await shelf.newest("other", "notes") is None
    assert await shelf.read_segment("acme", "notes", version.segments[0].name) == b"segment"


async def test_jobs_that_commit_at_once_lose_no_document(shelf: Shelf) -> None:
    """Each goes on from the others' versions."""
    await asyncio.gather(*(add(shelf, f"d-{number}") for number in range(12)))
    version = await shelf.newest("acme", "notes")
    assert version is not None
    assert version.number == 12
    assert set(version.documents) == {f"d-{number}" for number in range(12)}


async def test_a_replaced_segment_is_deleted_and_its_readers_are_told(shelf: Shelf) -> None:
    """So that they look at the newest version again."""
    first = await add(shelf, "a")
    second = await add(shelf, "a", b"newer")
    with pytest.raises(SegmentGone):
        await shelf.read_segment("acme", "notes", first.segments[0].name)
    assert await shelf.read_segment("acme", "notes", second.segments[0].name) == b"newer"


async def test_what_crashed_jobs_left_is_swept_and_what_counts_stays(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment that no version names is kept as long as a job might still commit it."""
    left = await shelf.write_segment("acme", "notes", b"left")
    first = await add(shelf, "a")
    assert await shelf.read_segment("acme", "notes", left) == b"left"
    monkeypatch.setattr(shelf_module, "KEPT", timedelta(seconds=-1))
    await add(shelf, "b")
    with pytest.raises(SegmentGone):
        await shelf.read_segment("acme", "notes", left)
    assert await shelf.read_segment("acme", "notes", first.segments[0].name) == b"segment"
    assert await shelf.newest_number("acme", "notes") == 2


async def test_half_a_file_is_never_listed(tmp_path: Path) -> None:
    """A crash in the middle of a write leaves a name that the store does not show."""
    shelf = Shelf(tmp_path.as_uri())
    await add(shelf, "a")
    (tmp_path / "knowledge/acme/notes/versions/000000000002.json#1").write_bytes(b'{"number": 2, "ind')
    version = await shelf.newest("acme", "notes")
    assert version is not None
    assert version.number == 1
    assert (await add(shelf, "b")).number == 2


@pytest.mark.parametrize("name", ["../other", "a/b", "", ".hidden", "a\n"])
async def test_no_name_leads_to_another_path(tmp_path: Path, name: str) -> None:
    """Neither a tenant's nor an index's."""
    shelf = Shelf(tmp_path.as_uri())
    for tenant_id, index in ((name, "notes"), ("acme", name)):
        with pytest.raises(ValueError, match="not an id"):
            await shelf.newest(tenant_id, index)
