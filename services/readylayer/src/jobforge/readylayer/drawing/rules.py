"""What may stay in a drawing: shapes, text and looks; nothing that acts, and nothing that reaches out of the file."""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
XML = "http://www.w3.org/XML/1998/namespace"

TEXTUAL = frozenset({"text", "tspan", "textPath", "title", "desc", "style"})
"""Elements whose text is shown or read; elsewhere text is blank space between tags."""
_ANIMATIONS = frozenset({"animate", "animateMotion", "animateTransform", "mpath", "set"})
_ELEMENTS = (
    TEXTUAL
    | _ANIMATIONS
    | {"a", "circle", "clipPath", "defs", "ellipse", "filter", "g", "image", "line", "linearGradient", "marker", "mask"}
    | {"path", "pattern", "polygon", "polyline", "radialGradient", "rect", "stop", "svg", "switch", "symbol", "use"}
    | {"feBlend", "feColorMatrix", "feComponentTransfer", "feComposite", "feConvolveMatrix", "feDiffuseLighting"}
    | {"feDisplacementMap", "feDistantLight", "feDropShadow", "feFlood", "feFuncA", "feFuncB", "feFuncG", "feFuncR"}
    | {"feGaussianBlur", "feImage", "feMerge", "feMergeNode", "feMorphology", "feOffset", "fePointLight"}
    | {"feSpecularLighting", "feSpotLight", "feTile", "feTurbulence"}
)
_REPORTED = frozenset({"script", "foreignObject", "iframe", "object", "embed", "audio", "video", "handler", "listener"})
_WITHOUT_EFFECT = frozenset(
    {"version", "baseProfile", "enable-background", "xml:space", "zoomAndPan", "target", "base"}
)
_SEEN_THROUGH = "a"
"""A link's content is drawn like any other; the link itself goes."""
_WORDS_ALONE = frozenset({"title", "desc", "style"})
"""Elements that hold text only: in an HTML page their children would be HTML."""
_LOADING = frozenset(
    {"src", "srcset", "srcdoc", "data", "poster", "background", "action", "formaction", "ping", "manifest", "codebase"}
)
"""Attributes by which HTML loads something. SVG knows none of them, but a drawing may be put into a page's HTML."""
_PICTURE = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_URL = re.compile(r"url\(", re.IGNORECASE)
_OWN_URL = re.compile(r"url\(\s*([\"']?)#[^\"'()\s]+\1\s*\)", re.IGNORECASE)
_LOADING_FUNCTION = re.compile(r"(?:image|image-set|src|cross-fade|paint)\(", re.IGNORECASE)
_SCHEME = re.compile(r"(?:javascript|vbscript|data|file|https?):", re.IGNORECASE)
_ACTIVE_STYLE = re.compile(
    r"\\|<|//|@import|@font-face|@namespace|@charset|expression\s*\(|behaviou?r\s*:|-moz-binding",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)

IsPicture = Callable[[bytes], bool]
"""Whether an embedded file is a picture that may be decoded."""


def element(space: str, name: str, within: str | None) -> tuple[str | None, str | None]:
    """What an element is written as (None: not at all), and what is reported as taken away (None: nothing)."""
    if space not in ("", SVG) or not _NAME.fullmatch(name) or within in _WORDS_ALONE:
        return None, name if name in _REPORTED or name.lower() == "script" else None
    if name in _ELEMENTS:
        return ("tspan" if within in TEXTUAL else "g") if name == _SEEN_THROUGH else name, None
    return None, name if name != "metadata" else None


def is_harmful_animation(name: str, attributes: dict[str, str]) -> bool:
    """Whether an animation would change where something points or what it does."""
    changed = attributes.get("attributeName", "").strip().lower().rpartition(":")[2]
    return name in _ANIMATIONS and (changed in ("href", "src", "style") or changed.startswith("on"))


def attribute(owner: str, name: str, value: str, is_picture: IsPicture) -> tuple[str | None, str | None]:
    """What an attribute is written as, and what is reported as taken away; ``name`` is ``<namespace> <local>``."""
    space, _, local = name.rpartition(" ")
    if space == XML and local in ("space", "lang"):
        return f"xml:{local}", None
    if space not in ("", XLINK) or (space == XLINK and local != "href"):
        return None, None
    if local == "href":
        return _reference(owner, "xlink:href" if space else "href", value, is_picture)
    if local in _WITHOUT_EFFECT or local.startswith("data-") or not _NAME.fullmatch(local):
        return None, None
    if local.lower().startswith("on") or local.lower() in _LOADING:
        return None, local
    return (local, None) if is_local_style(value, attribute=local != "style") else (None, local)


def is_local_style(text: str, *, attribute: bool = False) -> bool:
    """Whether a style sheet, or with ``attribute`` any attribute's value, refers to nothing but the drawing itself."""
    for seen in (text, _COMMENT.sub("", text)):
        squeezed = re.sub(r"[\x00-\x20]+", "", seen)
        if _SCHEME.search(squeezed) or _LOADING_FUNCTION.search(seen):
            return False
        if len(_URL.findall(seen)) != len(_OWN_URL.findall(seen)):
            return False
        if not attribute and _ACTIVE_STYLE.search(seen):
            return False
    return "\\" not in text or "(" not in text


def _reference(owner: str, name: str, value: str, is_picture: IsPicture) -> tuple[str | None, str | None]:
    value = value.strip()
    if owner == _SEEN_THROUGH:
        return None, None
    if value.startswith("#"):
        return name, None
    start = _PICTURE.match(value)
    if start and owner in ("image", "feImage"):
        try:
            embedded = b64decode("".join(value[start.end() :].split()), validate=True)
        except (binascii.Error, ValueError):
            return None, "href"
        if is_picture(embedded):
            return name, None
    return None, "href"
