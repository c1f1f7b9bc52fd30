"""Sources are cut into sentences that can be quoted, and nothing else of them is."""

import pytest

from jobforge.autopilot.drafting.brief import Source
from jobforge.autopilot.drafting.sentences import MOST_SENTENCES, sentences_of, split


def texts(text: str) -> list[str]:
    """The quotable sentences of one source."""
    return [sentence.text for sentence in sentences_of([Source("d", text)])]


@pytest.mark.parametrize(
    ("paragraph", "sentences"),
    [
        ("One ends. Two follows! Three?", ["One ends.", "Two follows!", "Three?"]),
        ("It costs 3.5 euros, e.g. in Spain. Then more.", ["It costs 3.5 euros, e.g. in Spain.", "Then more."]),
        ("Dr. Smith of Acme Inc. Berlin agrees. So do we.", ["Dr. Smith of Acme Inc. Berlin agrees.", "So do we."]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("No end at all", ["No end at all"]),
        ("", []),
    ],
)
def test_a_paragraph_is_cut_where_its_sentences_end(paragraph: str, sentences: list[str]) -> None:
    """Not at abbreviations, figures or initials."""
    assert split(paragraph) == sentences


def test_headings_code_tables_and_html_are_no_sentences() -> None:
    """Running text and list items are, without their markup and the addresses of links."""
    text = (
        "# This heading is a long one.\n\nThe **pump** is [very quiet](http://a.example) at night.\n\n"
        "```\nThis is code of a program.\n```\n\n| a | b |\n|---|---|\n| This cell is a sentence. | x |\n\n"
        "<div>This block is raw HTML here.</div>\n\n- A list item is a sentence, too.\n"
    )
    assert texts(text) == ["The pump is very quiet at night.", "A list item is a sentence, too."]


@pytest.mark.parametrize(
    "text",
    [
        "Too short.",
        "A line without any end to it",
        "Set JOBFORGE_A, JOBFORGE_B, file:///c and s3://d to x_y.",
        "Words " * 61 + "end.",
    ],
)
def test_what_no_reader_would_quote_is_left_out(text: str) -> None:
    """Fragments, code and sentences without end."""
    assert texts(text) == []


def test_a_sentence_that_comes_twice_is_one() -> None:
    """Whatever its case."""
    assert len(texts("The pump is very quiet. The PUMP is very quiet. The fan is rather loud.")) == 2


def test_a_text_of_nothing_but_abbreviations_does_not_keep_the_child_for_minutes() -> None:
    """Each is looked at once, however many there are before it."""
    assert texts("A. " * 100_000) == []


def test_more_sentences_than_anybody_reads_are_not_looked_at() -> None:
    """The first ones count."""
    number = MOST_SENTENCES + 10
    many = " ".join(f"The pump {place} is very quiet." for place in range(number))
    assert len(texts(many)) == MOST_SENTENCES


@pytest.mark.parametrize("mark", ["[", "![", "> ", "*", "`", "<", "((", "a.\n", "[a]("])
def test_a_sea_of_markup_holds_no_sentence(mark: str) -> None:
    """And ends."""
    assert texts(mark * 5_000) == []
