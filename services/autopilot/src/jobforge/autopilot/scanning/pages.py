"""Reads a page's HTML; runs in a child process, since the page is a stranger's."""

import zlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

from jobforge.autopilot.scanning.answers import MIB
from jobforge.autopilot.scanning.failures import PageTooCostly
from jobforge.autopilot.scanning.quoting import attribute
from jobforge.autopilot.scanning.sightings import PageFacts
from jobforge.execution.means import within_means

MOST_CHARACTERS = 10 * MIB
"""Bytes of HTML that are read, unpacked; the rest is not looked at."""
_UNLABELLED = {"hidden", "submit", "button", "reset", "image"}
_SHOWN = 50


def unpacked(body: bytes, encoding: str, most: int = MOST_CHARACTERS) -> bytes:
    """At most so many bytes of a gzip or deflate body; what is neither, or broken, comes back as it is."""
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return body[:most]
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(body, most)
    except zlib.error:
        return body[:most]


def read_page(body: bytes, encoding: str, content_type: str, memory: int = 512 * MIB) -> PageFacts:
    """What a page's HTML says, read within so many bytes of memory; raises ``PageTooCostly``.

    Nothing in it runs, and nothing is fetched.
    """
    with within_means("Reading the page", memory=memory, processor_time=20, too_costly=PageTooCostly):
        return _facts(unpacked(body, encoding), _charset(content_type))


def _charset(content_type: str) -> str | None:
    name = content_type.lower().partition("charset=")[2].partition(";")[0].strip("\"' ")
    try:
        return name if name and "".encode(name) == b"" else None
    except (LookupError, ValueError):
        return None


def _facts(html: bytes, charset: str | None) -> PageFacts:
    root = _root(html, charset)
    if root is None:
        return PageFacts()
    inputs = [
        each for each in root.iter("input", "select", "textarea") if each.get("type", "").lower() not in _UNLABELLED
    ]
    labelled = {each.get("for") for each in root.iter("label")}
    images = [each for each in root.iter("img") if each.get("role") not in ("presentation", "none")]
    ids = Counter(each.get("id") for each in root.iter() if isinstance(each.tag, str) and each.get("id"))
    viewport = " ".join(each.get("content", "") for each in root.xpath("//meta[@name='viewport']")).replace(" ", "")
    return PageFacts(
        language=(root.get("lang") or "").strip()[:40],
        title=" ".join((root.findtext(".//head/title") or "").split())[:200],
        images=len(images),
        images_without_alt=_shown(each for each in images if each.get("alt") is None and not _named(each)),
        fields=len(inputs),
        fields_without_label=_shown(
            each
            for each in inputs
            if not _named(each)
            and each.get("id") not in labelled - {None}
            and not any(True for _ in each.iterancestors("label"))
        ),
        headings=tuple(int(each.tag[1]) for each in root.iter("h1", "h2", "h3", "h4", "h5", "h6"))[:500],
        links_without_text=_shown(each for each in root.iter("a") if each.get("href") and not _text(each)),
        buttons_without_text=_shown(each for each in root.iter("button") if not _text(each)),
        frames_without_title=_shown(each for each in root.iter("iframe") if not _named(each)),
        repeated_ids=tuple(name[:80] for name, count in ids.items() if count > 1)[:_SHOWN],
        zoom_off="user-scalable=no" in viewport or "maximum-scale=1" in viewport.split(","),
        has_main=any(True for _ in root.iter("main")) or bool(root.xpath("//*[@role='main']")),
        blocking_scripts=_shown(each for each in root.xpath("//head//script[@src]") if _blocks(each)),
        blocking_styles=_shown(
            each for each in _styles(root) if each.get("media", "all").lower() in ("", "all", "screen")
        ),
        resources=_references(root),
    )


def _root(html: bytes, charset: str | None) -> Any:
    """The page's tree, or None if there is nothing in it."""
    from lxml import etree
    from lxml import html as parsing

    try:
        parser = parsing.HTMLParser(encoding=charset, no_network=True, remove_comments=True, remove_pis=True)
    except LookupError:
        parser = parsing.HTMLParser(no_network=True, remove_comments=True, remove_pis=True)
    try:
        return parsing.document_fromstring(html, parser=parser, ensure_head_body=True)
    except etree.ParserError:
        return None
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from error
        raise


def _named(element: Any) -> bool:
    """Whether something else than its content gives it a name."""
    return any((element.get(name) or "").strip() for name in ("aria-label", "aria-labelledby", "title"))


def _text(element: Any) -> bool:
    alternatives = (each.get("alt", "") for each in element.iter("img"))
    titles = (each.text_content() for each in element.iter("{*}title", "title"))
    return _named(element) or any(each.strip() for each in (element.text_content(), *alternatives, *titles))


def _blocks(script: Any) -> bool:
    return not any(name in script.attrib for name in ("async", "defer")) and script.get("type", "").lower() != "module"


def _styles(root: Any) -> list[Any]:
    links = (each for each in root.iter("link") if each.get("href"))
    return [each for each in links if "stylesheet" in each.get("rel", "").lower().split()]


def _references(root: Any) -> tuple[str, ...]:
    found = [each.get("href") for each in _styles(root)]
    found += [each.get("src") for each in root.iter("script", "img") if each.get("src")]
    wanted = (each.strip() for each in found)
    return tuple(dict.fromkeys(each for each in wanted if each and not each.startswith(("data:", "blob:"))))


def _shown(elements: Iterable[Any]) -> tuple[str, ...]:
    """Elements as their opening tags, so that one finds them in the source."""
    shown = []
    for element in elements:
        quoted = [(name, attribute(str(name), str(value))) for name, value in element.attrib.items()]
        told = [f' {name}="{value}"' for name, value in quoted if value is not None]
        shown.append(f"<{element.tag}{''.join(told[:3])}>")
        if len(shown) == _SHOWN:
            break
    return tuple(shown)
