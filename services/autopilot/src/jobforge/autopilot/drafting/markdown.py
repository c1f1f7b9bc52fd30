"""Markdown in and out: text that cannot become markup, and pages that cannot run or load anything."""

import re
from html import escape

from jobforge.autopilot.drafting.brief import Draft

_SPECIAL = re.compile(r"[\\`*_\[\]<>~|&]|(?<=!)(?=\[)")
_AT_START = re.compile(r"^(\s*)([#+=-]|\d{1,9}(?=[.)]))")
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>body {{ max-width: 42rem; margin: 3rem auto; padding: 0 1rem; font: 1.05rem/1.6 Georgia, serif; color: #222 }}
h1, h2 {{ line-height: 1.25; font-family: system-ui, sans-serif }} footer {{ color: #666; font-size: .85rem }}</style>
</head>
<body>
{body}<footer>Drafted by {generator}. To be read by a person before it is published.</footer>
</body>
</html>
"""


def escaped(text: str) -> str:
    """Text of one line that stays what it is in Markdown."""
    line = _SPECIAL.sub(lambda match: "\\" + match[0], " ".join(text.split()))
    return _AT_START.sub(r"\1\\\2", line) if not line[:1].isdigit() else re.sub(r"^(\d{1,9})([.)])", r"\1\\\2", line)


def heading(level: int, text: str) -> str:
    """A heading."""
    return f"{'#' * level} {escaped(text)}"


def document(draft: Draft) -> str:
    """The whole draft as Markdown: title, body, and its sources word for word."""
    lines = [heading(1, draft.title), "", draft.body.strip(), ""]
    if draft.quotes:
        lines += [heading(2, "Sources"), ""]
        lines += [
            f"- \\[{number}\\] {escaped(quote.document_id)}: “{escaped(quote.quote)}”"
            for number, quote in enumerate(draft.quotes, 1)
        ]
    return "\n".join(lines).rstrip() + "\n"


def page(text: str, *, title: str, generator: str) -> str:
    """Markdown as one HTML page: HTML in it is shown as text, pictures are left out, addresses are http or https."""
    from markdown_it import MarkdownIt

    renderer = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    renderer.validateLink = _is_web_address  # type: ignore[assignment]  # the library's own way to say so
    return _PAGE.format(title=escape(title), body=renderer.render(text), generator=escape(generator))


def plain(text: str) -> str:
    """The words of a Markdown text, a block a line, each ending as a sentence does."""
    from markdown_it import MarkdownIt

    blocks = []
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "inline":
            parts = [" " if "break" in each.type else each.content for each in token.children or ()]
            blocks.append(" ".join("".join(parts).split()))
    return "\n".join(_ended(block) for block in blocks if block)


def _ended(block: str) -> str:
    return block if block[-1] in ".!?:" else f"{block}."


def _is_web_address(address: str) -> bool:
    return address.lower().startswith(("https://", "http://"))
