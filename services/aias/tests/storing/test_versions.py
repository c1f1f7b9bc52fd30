"""An index's next version is decided without touching the store."""

from jobforge.aias.storing.version import (
    MOST_SEGMENTS,
    IndexedDocument,
    IndexVersion,
    SegmentEntry,
    added_documents,
)

EMPTY = IndexVersion(number=0, index_type="keyword", embedder=None, dimensions=None)


def entry(name: str, *documents: str, sha256: str = "a") -> SegmentEntry:
    return added_documents({each: IndexedDocument(sha256=sha256, chunks=2) for each in documents}, name, 100)


def test_a_document_counts_once_however_often_it_was_indexed() -> None:
    """The last segment that holds it counts."""
    version = EMPTY.changed([entry("one", "a", "b")], []).changed([entry("two", "b", sha256="new")], [])
    assert (version.number, version.chunks) == (2, 4)
    assert version.documents["b"].sha256 == "new"


def test_a_removed_document_does_not_count_and_an_empty_segment_is_dropped() -> None:
    """Removing what is not there changes nothing."""
    version = EMPTY.changed([entry("one", "a"), entry("two", "b", "c")], []).changed([], ["a", "b", "zebra"])
    assert [each.name for each in version.segments] == ["two"]
    assert list(version.documents) == ["c"]


def test_a_change_made_twice_is_made_once() -> None:
    """A put that was answered too late is repeated."""
    once = EMPTY.changed([entry("one", "a")], ["b"])
    assert once.changed([entry("one", "a")], ["b"]).segments == once.segments


def test_segments_are_merged_when_they_are_many() -> None:
    """One more than the limit makes them one."""
    version = EMPTY.changed([entry(str(number), f"d-{number}") for number in range(MOST_SEGMENTS)], [])
    assert version.to_merge(purged=False) == ()
    version = version.changed([entry("more", "x")], [])
    assert len(version.to_merge(purged=False)) == MOST_SEGMENTS + 1


def test_a_segment_is_written_anew_when_much_of_it_was_replaced_and_at_once_when_something_was_removed() -> None:
    """A removed text does not stay in the store."""
    version = EMPTY.changed([entry("one", *"abcdefgh")], []).changed([], ["a"])
    assert version.to_merge(purged=False) == ()
    assert [each.name for each in version.to_merge(purged=True)] == ["one"]
    assert [each.name for each in version.changed([], ["b", "c"]).to_merge(purged=False)] == ["one"]


def test_a_merge_of_segments_that_changed_meanwhile_is_refused() -> None:
    """It would bring back what was removed."""
    version = EMPTY.changed([entry("one", "a", "b"), entry("two", "c")], [])
    merged = version.merged(version.segments, entry("three", "a", "b", "c"))
    assert merged is not None
    assert [each.name for each in merged.segments] == ["three"]
    assert version.changed([], ["a"]).merged(version.segments, entry("three", "a", "b", "c")) is None
