"""Chunks follow the document's structure and say where they stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobforge.aias.chunking import LONGEST, chunked
from jobforge.documents.document import Document, joined

SENTENCE = "The lever of the pump is green and stands upright. "


def test_a_short_document_is_one_chunk() -> None:
    """With its title and every paragraph."""
    (chunk,) = chunked(Document("# Pumps\n\nOne.\n\nTwo.\n"))
    assert (chunk.text, chunk.start, chunk.end, chunk.page) == ("# Pumps\n\nOne.\n\nTwo.", 0, 19, None)


def test_a_section_begins_a_chunk_with_its_heading() -> None:
    """A heading never ends a chunk."""
    text = "\n\n".join(f"## Part {number}\n\n{SENTENCE * 12}" for number in range(4))
    chunks = chunked(Document(text))
    assert [chunk.text.split("\n")[0] for chunk in chunks] == [f"## Part {number}" for number in range(4)]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    """Into parts of about one length."""
    chunks = chunked(Document(SENTENCE * 100))
    assert all(chunk.text.endswith("upright.") for chunk in chunks)
    assert max(len(chunk.text) for chunk in chunks) < 2 * min(len(chunk.text) for chunk in chunks)


def test_fenced_code_stays_together() -> None:
    """Empty lines in it are no paragraphs."""
    code = "```python\n" + "x = 1\n\n" * 40 + "```"
    chunks = chunked(Document(f"{SENTENCE * 35}\n\n{code}\n\nEnd."))
    assert any(code in chunk.text for chunk in chunks)


def test_pages_are_counted_from_one() -> None:
    """A chunk is on the page where it begins."""
    chunks = chunked(joined([SENTENCE * 30, SENTENCE * 30]))
    assert [chunk.page for chunk in chunks] == [1, 2]


@given(st.text(alphabet=st.sampled_from("aB1.!? \n\t#=-`\fé語"), max_size=6_000), st.integers(1, 3))
def test_no_word_is_lost_and_every_chunk_stands_where_it_says(text: str, times: int) -> None:
    """Whatever the text looks like."""
    text = text * times
    chunks = chunked(Document(text))
    position = 0
    for chunk in chunks:
        assert text[chunk.start : chunk.end] == chunk.text
        assert 0 < len(chunk.text) <= LONGEST
        assert not any(map(str.isalnum, text[position : chunk.start]))
        assert chunk.start >= position
        position = chunk.end
    assert not any(map(str.isalnum, text[position:]))


@pytest.mark.parametrize("piece", [" ", "\n", " \n", "\n\n", "```a\n", "# a\n", "a\n\n", "- ", "\f", "~~~\n"])
def test_no_text_takes_more_than_its_length_in_time(piece: str) -> None:
    """A million of one thing: what takes quadratic time does not end within the limit of a test."""
    chunked(joined([piece * (1_000_000 // len(piece)) + "end"]))
