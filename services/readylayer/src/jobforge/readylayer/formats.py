"""Which file formats there are, told by their first bytes, and what each can hold."""

import re
import struct
from dataclasses import dataclass
from typing import Literal, get_args

TargetFormat = Literal["webp", "avif", "jpeg", "png"]
"""What a picture can be written as; also its artifact's file extension."""
VariantFormat = Literal["webp", "avif", "jpeg", "png", "svg"]
"""The same, and what a drawing is written as beside them."""
SourceFormat = Literal["jpeg", "png", "webp", "avif", "gif", "tiff", "svg"]
"""What an asset may be."""

TARGET_FORMATS: tuple[TargetFormat, ...] = get_args(TargetFormat)

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")
_SVG = re.compile(rb"<(?:[\w.-]+:)?svg[\s/>]")
_SVG_WITHIN = 16 * 1024
"""Where a drawing's root begins at the latest; comments and a document type may come before it."""
_AVIF_BRANDS = {b"avif", b"avis"}
_NAMED = (
    (b"%PDF", "PDF"),
    (b"<?xml", "XML other than SVG"),
    (b"\x1f\x8b", "gzip; an SVGZ is taken unpacked, as SVG"),
    (b"BM", "BMP"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "PSD"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a format can hold."""

    media_type: str
    side: int
    """The most pixels along one side."""
    alpha: bool
    frames: bool = False


CAPABILITIES: dict[TargetFormat, Limits] = {
    "webp": Limits("image/webp", side=16383, alpha=True, frames=True),
    "avif": Limits("image/avif", side=16384, alpha=True),
    "jpeg": Limits("image/jpeg", side=65535, alpha=False),
    "png": Limits("image/png", side=2**31 - 1, alpha=True),
}


def source_format(data: bytes) -> SourceFormat | None:
    """The format that the file's first bytes say, or None for what is not opened."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(_PNG):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if data[:4] in _TIFF:
        return "tiff"
    if _MARKUP.match(data) and _SVG.search(data[:_SVG_WITHIN]) and not _is_html(data):
        return "svg"
    return "avif" if _brands(data) & _AVIF_BRANDS else None


def described(data: bytes) -> str:
    """A few words for a file that is not opened, for its refusal."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, name in _NAMED:
        if start.startswith(magic):
            return name
    if _is_html(data):
        return "HTML"
    return "HEIC" if _brands(data) & {b"heic", b"heix", b"mif1", b"hevc"} else "an unknown type"


def is_animated_png(data: bytes) -> bool:
    """Whether a PNG announces frames (an ``acTL`` chunk before its pixels), which most decoders pass over."""
    at = len(_PNG)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind in (b"acTL", b"IDAT"):
            return bool(kind == b"acTL")
        at += length + 12
    return False


def is_whole_gif(data: bytes) -> bool:
    """Whether a GIF's blocks reach its trailer; decoders show what there is of one that was cut."""
    try:
        at = 13 + _colours(data[10])
        while data[at] != 0x3B:
            if data[at] == 0x2C:  # a frame: its place, perhaps colours, the size of its codes
                at += 11 + _colours(data[at + 9])
            elif data[at] == 0x21:
                at += 2
            else:
                return False
            while data[at]:
                at += data[at] + 1
            at += 1
    except IndexError:
        return False
    return True


def _colours(flags: int) -> int:
    """The bytes of a GIF's colour table."""
    return 6 << (flags & 7) if flags & 0x80 else 0


def _is_html(data: bytes) -> bool:
    return bool(re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)\b", data[:512], re.IGNORECASE))


def _brands(data: bytes) -> set[bytes]:
    """The brands of an ISO base media file (AVIF, HEIC), major first; empty for anything else."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), len(data), 256)
    return {data[8:12], *(data[i : i + 4] for i in range(16, end - 3, 4))}
