"""Numbers as contracts spell them: "twenty-four", "one hundred eighty", "the twenty-first", "two thousand ten"."""

import re

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
"""From "first" on; the index is one less than the number."""
_BELOW_100 = rf"(?:(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_UNITS[:9])})\b)?|{'|'.join(reversed(_UNITS))})"
NUMBER = rf"(?:(?:one )?hundred(?: (?:and )?{_BELOW_100})?|{_BELOW_100})"
"""A pattern for a number from one to 199."""
ORDINAL = "(?:" + "|".join(sorted((each.replace("-", "[- ]") for each in ORDINALS), key=len, reverse=True)) + ")"
YEAR = rf"(?:two thousand(?:,? (?:and )?{_BELOW_100})?|(?:nineteen|twenty)(?: hundred)?[- ](?:and )?{_BELOW_100})"


def number(words: str) -> int:
    """The number that ``NUMBER`` matched; 0 for other words."""
    total = 0
    for word in re.split(r"[- ]+", words.lower()):
        if word in _UNITS:
            total += _UNITS.index(word) + 1
        elif word in _TENS:
            total += (_TENS.index(word) + 2) * 10
        elif word == "hundred":
            total = max(total, 1) * 100
    return total


def ordinal(word: str) -> int:
    """The number that ``ORDINAL`` matched."""
    return ORDINALS.index(re.sub(r"[- ]+", "-", word.lower())) + 1


def year(words: str) -> int:
    """The year that ``YEAR`` matched."""
    plain = re.sub(r"[-, ]+", " ", words.lower())
    for start, century in (("two thousand", 2000), ("nineteen", 1900), ("twenty", 2000)):
        if plain.startswith(start):
            return century + number(plain.removeprefix(start).replace("hundred", ""))
    raise ValueError(f"no year: {words}")
