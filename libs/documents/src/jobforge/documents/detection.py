"""What kind of file a document is, told by its bytes; the declared media type is only believed for HTML."""

import re

from jobforge.documents.document import FileFormat
from jobforge.documents.errors import DocumentEncrypted, DocumentUnsupported
from jobforge.documents.manner import Manner

_COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_TEXT_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")
# Atomic: else a comment could end at any later one's end, and a hundred of them would take for ever.
_HTML = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?>(?:<!--.*?-->\s*)*)<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_HTML_TYPES = ("text/html", "application/xhtml+xml")
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


def detect(data: bytes, content_type: str, manner: Manner) -> FileFormat:
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
            raise DocumentUnsupported(f"The file is {name}; {manner.accepted}.")
    if b"\x00" in data and not head.startswith(_TEXT_MARKS):
        raise DocumentUnsupported(f"The file is binary ({content_type or 'of no declared type'}); {manner.accepted}.")
    looks_html = _HTML.match(head.removeprefix(_TEXT_MARKS[2])) is not None
    if looks_html and not manner.html:
        raise DocumentUnsupported(f"The file is HTML; {manner.accepted}.")
    declared = content_type.partition(";")[0].strip().lower()
    return "html" if looks_html or (manner.html and declared in _HTML_TYPES) else "text"
