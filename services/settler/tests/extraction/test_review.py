"""Warnings name what is missing, odd or due, and are silent about a contract in order."""

from dataclasses import replace
from datetime import date

import pytest

from jobforge.documents.document import Document, joined
from jobforge.settler.extraction.analysis import Analysis, Finding, analyse
from jobforge.settler.extraction.renewal import Renewal
from jobforge.settler.extraction.review import review


@pytest.fixture
def document(agreement: str) -> Document:
    return joined([agreement], file_format="text")


@pytest.fixture
def analysis(document: Document) -> Analysis:
    return analyse(document, "full")


def warned(analysis: Analysis, document: Document, on: date = date(2025, 1, 1)) -> str:
    return " ".join(review(analysis, document, on))


def test_a_contract_in_order_gives_no_warning(analysis: Analysis, document: Document) -> None:
    """Two years before its end there is nothing to do."""
    assert review(analysis, document, date(2025, 1, 1)) == []


def test_what_is_missing_is_named(analysis: Analysis, document: Document) -> None:
    """Law, parties, dates and the end of the term, each by itself."""
    assert "No governing law" in warned(replace(analysis, governing_law=None), document)
    assert "No parties" in warned(replace(analysis, parties=()), document)
    assert "Only one party" in warned(replace(analysis, parties=analysis.parties[:1]), document)
    assert "no agreement date" in warned(replace(analysis, agreement_date=None), document)
    assert "No effective date" in warned(replace(analysis, effective_date=None), document)
    assert "No end of the term" in warned(replace(analysis, expiration_date=None), document)
    assert "No end of the term" not in warned(replace(analysis, expiration_date=None, perpetual=True), document)


def test_an_expiration_before_the_beginning_is_odd(analysis: Analysis, document: Document) -> None:
    """A slip of the pen, in the contract or in its reading."""
    assert "before it takes effect" in warned(replace(analysis, expiration_date=date(2020, 1, 1)), document)


def test_a_contract_that_does_not_renew_expires(analysis: Analysis, document: Document) -> None:
    """Before: when it does within 90 days. After: when it did."""
    fixed = replace(analysis, renewal=None, notice=None)
    assert warned(fixed, document, date(2027, 4, 1)) == "The contract expired on 2027-03-19."
    assert warned(fixed, document, date(2027, 3, 1)) == "The contract expires on 2027-03-19, in 18 days."
    assert warned(fixed, document, date(2026, 12, 1)) == ""


def test_a_renewal_within_ninety_days_is_announced_with_its_last_day_for_notice(
    analysis: Analysis, document: Document
) -> None:
    """On the ninetieth day, not the day before."""
    assert warned(analysis, document, date(2026, 12, 18)) == ""
    assert "renews itself on 2027-03-19, in 90 days" in warned(analysis, document, date(2026, 12, 19))
    assert "must be given by 2027-01-18" in warned(analysis, document, date(2026, 12, 19))
    assert "was 2027-01-18" in warned(analysis, document, date(2027, 2, 1))


def test_later_renewals_are_counted_on(analysis: Analysis, document: Document) -> None:
    """Years after the first term the next renewal is still announced."""
    told = warned(analysis, document, date(2031, 1, 10))
    assert "first term expired on 2027-03-19" in told
    assert "renews itself on 2031-03-19" in told


def test_renewals_of_unknown_length_are_said_to_be_unknown(analysis: Analysis, document: Document) -> None:
    """No date is made up."""
    unknown = replace(analysis, renewal=Renewal(text="successive terms", months=None, automatic=True))
    assert "may have renewed itself since" in warned(unknown, document, date(2031, 1, 10))


def test_doubts_are_told(analysis: Analysis) -> None:
    """Pages that could not be read, and findings with little confidence."""
    unsure = replace(analysis, findings=(Finding("title", "x", 1, 0, 1, 0.4),))
    told = warned(unsure, joined(["some text", "", "more"], file_format="pdf"))
    assert "1 of 3 pages hold no text" in told
    assert "little confidence, please check: title" in told
