"""How hard a text is to read, by the common English measures."""

from dataclasses import dataclass

_A_MINUTE = 238
"""Words that an adult reads in a minute, silently (Brysbaert 2019, doi:10.1016/j.jml.2019.104047)."""


@dataclass(frozen=True, slots=True)
class Readability:
    """Measures of one text; the two that need full sentences are None for a text without words."""

    words: int
    sentences: int
    flesch_reading_ease: float | None
    flesch_kincaid_grade: float | None
    gunning_fog: float | None
    reading_minutes: float


def readability(text: str) -> Readability:
    """The measures of plain text. Runs in a child process: textstat brings a dictionary of pronunciations."""
    import textstat

    words = textstat.lexicon_count(text)
    minutes = round(words / _A_MINUTE, 1)
    if not words:
        return Readability(0, 0, None, None, None, minutes)
    return Readability(
        words=words,
        sentences=textstat.sentence_count(text),
        flesch_reading_ease=round(textstat.flesch_reading_ease(text), 1),
        flesch_kincaid_grade=round(textstat.flesch_kincaid_grade(text), 1),
        gunning_fog=round(textstat.gunning_fog(text), 1),
        reading_minutes=minutes,
    )
