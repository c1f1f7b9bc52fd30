"""Lengths of time as contracts write them: "two (2) years", "1-year", "ninety (90) days"."""

import re
from dataclasses import dataclass

from jobforge.settler.extraction.numerals import NUMBER, number

_UNIT = (
    r"(?P<unit>business days?|calendar days?|days?|weeks?|(?:calendar |full )?months?|(?:calendar |"
    r"contract |full |additional )?years?)"
)
DURATION = (
    rf"(?:(?P<words>{NUMBER})\b)?(?: {{0,2}}\({{0,1}} {{0,2}}(?P<digits>\d{{1,4}}|[Il](?=\))) {{0,2}}\){{0,1}})?[- "
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
        count = int(match["digits"]) if (match["digits"] or "").isdigit() else number(match["words"] or "")
        if count:
            unit = match["unit"].lower().split()[-1].rstrip("s")
            found.append(Duration(count, unit, match.start(), match.end()))
    return found
