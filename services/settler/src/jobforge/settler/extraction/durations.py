"""Lengths of time as contracts write them: "two (2) years", "1-year", "ninety (90) days"."""

import re
from dataclasses import dataclass

_UNITS = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORD = (
    rf"(?:(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_UNITS[:9])}))?|{'|'.join(reversed(_UNITS))}|(?:one "
    rf")?hundred(?: (?:and )?(?:{'|'.join([*_TENS, *_UNITS[::-1]])}))?)"
)
_UNIT = (
    r"(?P<unit>business days?|calendar days?|days?|weeks?|(?:calendar |full )?months?|(?:calendar |"
    r"contract |full |additional )?years?)"
)
DURATION = (
    rf"(?:(?P<words>{_WORD})\b)?(?: {{0,2}}\({{0,1}} {{0,2}}(?P<digits>\d{{1,4}}|[Il](?=\))) {{0,2}}\){{0,1}})?[- "
    rf"]{{0,3}}{_UNIT}\b"
)
_DURATION = re.compile(rf"(?<![\w.])(?=[a-z(\d]){DURATION}", re.IGNORECASE)
_DAYS_A_UNIT = {"day": 1, "week": 7, "month": 30, "year": 365}


@dataclass(frozen=True, slots=True)
class Duration:
    """A count of ``day``, ``week``, ``month`` or ``year``, and its place in the string that was searched."""

    count: int
    unit: str
    start: int
    end: int

    @property
    def months(self) -> int | None:
        """Whole months, for months and years."""
        return {"month": self.count, "year": 12 * self.count}.get(self.unit)

    @property
    def days(self) -> int:
        """Days, a month counted as 30 and a year as 365."""
        return self.count * _DAYS_A_UNIT[self.unit]


def find_durations(text: str) -> list[Duration]:
    """Every length of time in ``text``, in order; figures beat words where both are given."""
    found = []
    for match in _DURATION.finditer(text):
        count = int(match["digits"]) if (match["digits"] or "").isdigit() else _number(match["words"])
        if count:
            unit = match["unit"].lower().split()[-1].rstrip("s")
            found.append(Duration(count, unit, match.start(), match.end()))
    return found


def _number(words: str | None) -> int:
    total = 0
    for word in re.split(r"[- ]+", (words or "").lower()):
        if word in _UNITS:
            total += _UNITS.index(word) + 1
        elif word in _TENS:
            total += (_TENS.index(word) + 2) * 10
        elif word == "hundred":
            total = max(total, 1) * 100
    return total
