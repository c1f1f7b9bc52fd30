"""Dates and lengths of time are understood however a contract writes them."""

from datetime import date

import pytest

from jobforge.settler.extraction.dates import add_months, find_dates
from jobforge.settler.extraction.durations import find_durations


@pytest.mark.parametrize(
    "written",
    [
        "March 9, 2015",
        "March 9th, 2015",
        "Mar. 9, 2015",
        "9 March 2015",
        "9th day of March, 2015",
        "9t h day of March, 2015",
        "9 day of March. 2015",
        "ninth day of March, 2015",
        "ninth (9th) day of March 2015",
        "9th day of March in the year 2015",
        "3/9/2015",
        "03/09/15",
        "2015-03-09",
        "9.3.2015",
        "03-09-2015",
        "9-Mar-2015",
        "March ninth, 2015",
        "March the 9th, 2015",
        "March, 9, 2015",
        "March9, 2015",
        "Monday, March 9, 2015",
        "March 9, two thousand fifteen",
        "9th day of March, two thousand and fifteen",
        "9th day of March, A.D. 2015",
        "9th day of the month of March, 2015",
    ],
)
def test_one_day_written_in_many_ways(written: str) -> None:
    """Each is the ninth of March 2015, and its span is exactly what is written."""
    text = f"made as of {written} by and between"
    (found,) = find_dates(text)
    assert found.value == date(2015, 3, 9)
    assert text[found.span.start : found.span.end] == written


@pytest.mark.parametrize(
    "written", ["[___], 2020", "September __, 2018", "February 30, 2020", "Section 10.1.2", "1-800-555-1212", "10.1.22"]
)
def test_blanks_and_other_numbers_are_no_dates(written: str) -> None:
    """A form that was not filled in has no date."""
    assert find_dates(f"as of {written} and") == []


@pytest.mark.parametrize(
    ("written", "year"),
    [
        ("two thousand", 2000),
        ("two thousand and nine", 2009),
        ("two thousand twenty-one", 2021),
        ("nineteen hundred ninety-nine", 1999),
        ("nineteen ninety-nine", 1999),
        ("twenty twenty", 2020),
    ],
)
def test_years_in_words(written: str, year: int) -> None:
    """As deeds write them."""
    assert [found.value for found in find_dates(f"the 1st day of May, {written}, between")] == [date(year, 5, 1)]


def test_a_month_that_is_too_short_ends_on_its_last_day() -> None:
    """As calendars do."""
    assert add_months(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert add_months(date(2024, 2, 29), 12) == date(2025, 2, 28)
    assert add_months(date(2015, 12, 5), 25) == date(2018, 1, 5)


@pytest.mark.parametrize(
    ("written", "count", "unit"),
    [
        ("three (3) years", 3, "year"),
        ("a period of 12 months", 12, "month"),
        ("one-year", 1, "year"),
        ("1-year terms", 1, "year"),
        ("ninety  (90) days", 90, "day"),
        ("thirty days' notice", 30, "day"),
        ("twenty-four (24) full months", 24, "month"),
        ("one hundred and twenty days", 120, "day"),
        ("two weeks", 2, "week"),
    ],
)
def test_lengths_of_time(written: str, count: int, unit: str) -> None:
    """Words, figures, both, with or without hyphens."""
    found = find_durations(f"for {written} from")
    assert [(each.count, each.unit) for each in found] == [(count, unit)]
