"""What kind of file a document is, told by its bytes; the declared media type is only believed for HTML."""

import re
from typing import Literal

from jobforge.aias.errors import DocumentEncrypted, DocumentUnsupported

FileFormat = Literal["text", "html", "pdf", "docx"]

READ = "documents are read as plain text, Markdown, HTML, PDF or DOCX"
_COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_TEXT_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")
_HTML = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_OTHERS = {
    b"{\\rtf": "RTF",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"II*\x00": "a TIFF image",
    b"MM\x00*": "a TIFF image",
    b"GIF8": "a GIF image",
    b"%!PS": "PostScript",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
}


def detect(data: bytes, content_type: str) -> FileFormat:
    """The format of ``data``; raises ``DocumentUnsupported``, or ``DocumentEncrypted`` for a locked Office file."""
    head = data[:1024]
    if b"%PDF-" in head:
        return "pdf"
    if head.startswith(_ZIP):
        return "docx"
    if head.startswith(_COMPOUND_FILE):
        if _ENCRYPTED_PACKAGE in data:
            raise DocumentEncrypted("The Office file is protected with a password: upload it without.")
        raise DocumentUnsupported("A Word 97-2003 file (.doc) is not supported; save it as DOCX or PDF.")
    for mark, name in _OTHERS.items():
        if head.startswith(mark):
            raise DocumentUnsupported(f"The file is {name}; {READ}.")
    if b"\x00" in data and not head.startswith(_TEXT_MARKS):
        raise DocumentUnsupported(f"The file is binary ({content_type or 'of no declared type'}); {READ}.")
    declared = content_type.partition(";")[0].strip().lower()
    if declared in ("text/html", "application/xhtml+xml") or _HTML.match(head.removeprefix(_TEXT_MARKS[2])):
        return "html"
    return "text"
