"""Dates as contracts write them, with where they stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from jobforge.settler.extraction.numerals import ORDINAL, YEAR, ordinal, year
from jobforge.settler.extraction.passage import Span

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z])\.?"
)
# Filings print the ordinal as "1st", "1 st" and, from superscripts, "10t h".
_DAY = r"(?P<day>\d{1,2})(?: ?(?:s ?t|n ?d|r ?d|t ?h)\b)?"
_SPELLED = rf"(?P<spelled>{ORDINAL})"
_ANY_DAY = rf"(?:{_DAY}|{_SPELLED})(?: *\([\w -]+\))?"
_YEAR = (
    r"[ ,.]{0,6}(?:(?:in the year|of|A\.? ?D\.?)[ ,]{1,3}(?:of )?(?:our lord,? )?)?"
    rf"(?:(?P<year>(?:1[89]|20)\d\d)\b|(?P<year_words>{YEAR})\b)"
)
_WEEKDAY = r"(?:\b(?:mon|tues|wednes|thurs|fri|satur|sun)day,? {0,3})?"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_WEEKDAY}\b{_MONTH}[ ,]{{0,4}}(?:the )?{_ANY_DAY}{_YEAR}",
        rf"{_WEEKDAY}\b{_ANY_DAY} {{0,4}}(?:day,? {{0,4}})?(?:of {{0,4}})?(?:the month of )?{_MONTH}{_YEAR}",
        rf"(?<![\w./-]){_DAY}(?P<joint>[/-]){_MONTH}(?P=joint)(?P<year>(?:1[89]|20)\d\d|\d\d)\b",
        r"(?<![\d./-])(?P<year>(?:19|20)\d\d)-(?P<number_month>\d\d)-(?P<day>\d\d)(?![\d-])",
        (
            r"(?<![\d./-])(?P<first>\d{1,2})(?P<mark>[/.-])(?P<second>\d{1,2})(?P=mark)(?P<year>(?:19|20)\d\d|"
            r"\d\d)(?![\d/-])"
        ),
    )
)


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A whole date and where it is written."""

    value: date
    span: Span


def find_dates(flat: str, start: int = 0, end: int | None = None) -> list[WrittenDate]:
    """Every whole date between the offsets, in order; dates with blanks for day or month are none."""
    stop = len(flat) if end is None else end
    found = sorted(_matches(flat, start, stop), key=lambda each: (each.span.start, -each.span.end))
    kept: list[WrittenDate] = []
    for each in found:
        if not kept or each.span.start >= kept[-1].span.end:
            kept.append(each)
    return kept


def add_months(day: date, months: int) -> date:
    """The same day so many months on, or the month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise OverflowError(f"{day} and {months} months is no date")


def _matches(flat: str, start: int, stop: int) -> Iterator[WrittenDate]:
    for form in _FORMS:
        for match in form.finditer(flat, start, stop):
            value = _value(match)
            if value is not None:
                yield WrittenDate(value, Span(match.start(), match.end()))


def _value(match: re.Match[str]) -> date | None:
    parts = match.groupdict()
    written = year(parts["year_words"]) if parts.get("year_words") else int(parts["year"])
    if written < 100:
        written += 1900 if written >= 50 else 2000
    if parts.get("first"):
        month, day = int(parts["first"]), int(parts["second"])
        # With dots the day comes first, as Europe writes; with slashes the month, as America does.
        if parts["mark"] == "." or month > 12:
            month, day = day, month
        if parts["mark"] == "." and len(parts["year"]) == 2:
            return None
    elif parts.get("number_month"):
        month, day = int(parts["number_month"]), int(parts["day"])
    else:
        month = next(i for i, name in enumerate(_MONTHS, 1) if name.startswith(parts["month"].lower()[:3]))
        day = ordinal(parts["spelled"]) if parts.get("spelled") else int(parts["day"])
    try:
        return date(written, month, day)
    except ValueError:
        return None
