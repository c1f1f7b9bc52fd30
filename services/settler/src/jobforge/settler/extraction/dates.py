"""Dates as contracts write them, with where they stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

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
ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
    "twenty-first",
    "twenty-second",
    "twenty-third",
    "twenty-fourth",
    "twenty-fifth",
    "twenty-sixth",
    "twenty-seventh",
    "twenty-eighth",
    "twenty-ninth",
    "thirtieth",
    "thirty-first",
]
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
# Filings print the ordinal as "1st", "1 st" and, from superscripts, "10t h".
_ORDINAL = r"(?: ?(?:s ?t|n ?d|r ?d|t ?h)\b)?"
_DAY = rf"(?P<day>\d{{1,2}}){_ORDINAL}"
_SPELLED = rf"(?P<spelled>{'|'.join(sorted((o.replace('-', '[- ]') for o in ORDINALS), key=len, reverse=True))})"
_YEAR = r"(?P<year>(?:1[89]|20)\d\d)\b"
_GAP = r"[ ,.]{0,6}"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"\b{_MONTH} {{0,4}}{_DAY}{_GAP}{_YEAR}",
        (
            rf"\b{_DAY}(?: *\(\w+\))? {{0,4}}(?:day,? {{0,4}})?(?:of {{0,4}})?{_MONTH}{_GAP}(?:in the year (?:of "
            rf")?)?{_YEAR}"
        ),
        rf"\b{_SPELLED}(?: *\(\w+\))? {{1,4}}(?:day )?(?:of )?{_MONTH}{_GAP}(?:in the year (?:of )?)?{_YEAR}",
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
    year = int(parts["year"])
    if year < 100:
        year += 1900 if year >= 50 else 2000
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
        spelled = parts.get("spelled")
        day = ORDINALS.index(re.sub(r"[- ]+", "-", spelled.lower())) + 1 if spelled else int(parts["day"])
    try:
        return date(year, month, day)
    except ValueError:
        return None
