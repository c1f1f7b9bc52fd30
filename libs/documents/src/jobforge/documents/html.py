"""HTML: what a reader would see, with the place of each word in the source; nothing is run and nothing is fetched."""

from html import unescape
from html.parser import HTMLParser

from jobforge.documents.document import Document
from jobforge.documents.errors import DocumentUnreadable
from jobforge.documents.manner import Manner
from jobforge.documents.plain import decoded

_UNSEEN = frozenset(
    {"script", "style", "template", "noscript", "svg", "math", "iframe", "object", "select", "textarea"}
)
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div", "dl"}
    | {"dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header"}
    | {"hr", "html", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "title", "tr", "ul", "br"}
)
_LINES = frozenset({"br", "tr", "li", "dt", "dd"})
_CELLS = frozenset({"td", "th"})
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)} | {"title": "# "}


def read_html(data: bytes, manner: Manner) -> Document:
    """Scripts, styles, comments and hidden elements are dropped; a heading is marked as Markdown marks it.

    Offsets count in the decoded source, whose line ends are ``\\n``.
    """
    source = decoded(data, manner)
    try:
        page = _Page(source)
    except (AssertionError, ValueError) as error:  # what html.parser raises at declarations that are none
        raise DocumentUnreadable(f"The HTML is broken: {error}") from error
    return Document("".join(page.text), "html", pieces=tuple(page.pieces) or ((0, 0),))


class _Page(HTMLParser):
    """Collects the visible text; ``pieces`` pairs its offsets with those of the source."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=False)
        self.text: list[str] = []
        self.pieces: list[tuple[int, int]] = []
        self._length = 0
        self._gap = ""
        self._unseen: list[str] = []
        self._preformatted = 0
        self._lines = [0]
        for line in source.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._unseen:
            if tag == self._unseen[-1]:
                self._unseen.append(tag)
            return
        given = dict(attrs)
        if tag in _UNSEEN or ("hidden" in given and tag not in ("br", "img", "input", "meta", "link", "hr", "wbr")):
            self._unseen.append(tag)
            return
        self._preformatted += tag == "pre"
        self._between(tag)
        if tag in _HEADINGS:
            self._mark(_HEADINGS[tag])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._unseen:
            self._between(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._unseen:
            if tag == self._unseen[-1]:
                self._unseen.pop()
            return
        self._preformatted -= tag == "pre" and self._preformatted > 0
        self._between(tag)

    def handle_data(self, data: str) -> None:
        at = self._source()
        if self._preformatted:
            self._add(data, at)
            return
        position = 0
        for word in data.split():
            found = data.index(word, position)
            if found > position and not self._gap:
                self._gap = " "
            self._add(word, at + found)
            position = found + len(word)
        if position < len(data) and not self._gap:
            self._gap = " "

    def handle_entityref(self, name: str) -> None:
        self._reference(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._reference(f"&#{name};")

    def _reference(self, written: str) -> None:
        character = unescape(written).replace("\x00", "")
        if character.isspace():
            self._gap = self._gap or " "
        elif character:
            self._add(character, self._source())

    def _between(self, tag: str) -> None:
        """What stands between two words that a tag separates."""
        if tag not in _BLOCKS and tag not in _CELLS:
            return
        gap = "\n" if tag in _LINES else "\t" if tag in _CELLS else "\n\n"
        if len(gap) > len(self._gap) or (gap[0] == "\n" and self._gap in (" ", "\t")):
            self._gap = gap

    def _mark(self, mark: str) -> None:
        if self.text:
            self._append("\n\n")
        self._gap = ""
        self._append(mark)

    def _add(self, words: str, source: int) -> None:
        if self._unseen or not words:
            return
        if self.text and self._gap:
            self._append(self._gap)
        self._gap = ""
        if not self.pieces or self.pieces[-1][1] - self.pieces[-1][0] != source - self._length:
            self.pieces.append((self._length, source))
        self._append(words)

    def _append(self, words: str) -> None:
        self.text.append(words)
        self._length += len(words)

    def _source(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column
