"""What kind of file a contract is, told by its bytes; the declared media type is only believed for text."""

from typing import Literal

from jobforge.settler.failures import ContractEncrypted, ContractTypeUnsupported

FileFormat = Literal["text", "pdf", "docx"]

_COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_TEXT_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")
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
    """The format of ``data``; raises ``ContractTypeUnsupported``, or ``ContractEncrypted`` for a locked Office file."""
    head = data[:1024]
    if b"%PDF-" in head:
        return "pdf"
    if head.startswith(_ZIP):
        return "docx"
    if head.startswith(_COMPOUND_FILE):
        if _ENCRYPTED_PACKAGE in data:
            raise ContractEncrypted("The Office file is protected with a password.")
        raise ContractTypeUnsupported("A Word 97-2003 file (.doc) is not supported; save it as DOCX or PDF.")
    for mark, name in _OTHERS.items():
        if head.startswith(mark):
            raise ContractTypeUnsupported(f"The file is {name}; contracts are read as plain text, PDF or DOCX.")
    if head.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise ContractTypeUnsupported("The file is HTML; contracts are read as plain text, PDF or DOCX.")
    if b"\x00" in data and not head.startswith(_TEXT_MARKS):
        kind = content_type or "of no declared type"
        raise ContractTypeUnsupported(f"The file is binary ({kind}); contracts are read as plain text, PDF or DOCX.")
    return "text"
