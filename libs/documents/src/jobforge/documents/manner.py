"""How a service wants its documents read."""

from dataclasses import dataclass
from typing import Literal

Layout = Literal["pages", "blocks"]


@dataclass(frozen=True, slots=True)
class Manner:
    """Plain text, PDF and DOCX are always read, HTML if ``html``.

    ``layout`` says what is kept of plain text and DOCX: their pages, one line a paragraph; or their blocks, with
    headings marked as Markdown marks them and an empty line between two blocks. ``western`` takes bytes of no declared
    encoding for Windows-1252 unless much of the text is beyond ASCII, as suits short texts from Western offices.
    ``accepted`` ends the message about any other file: ``contracts are read as plain text, PDF or DOCX``.
    """

    accepted: str
    layout: Layout
    html: bool
    western: bool
