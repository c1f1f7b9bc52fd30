"""The ways in which a document cannot be read; a service whose callers know other codes translates them."""

from jobforge.execution.errors import Terminal


class DocumentUnsupported(Terminal):
    """The file is of a type that the service does not read."""

    code = "document.unsupported_type"


class DocumentUnreadable(Terminal):
    """The file is of a known type but broken."""

    code = "document.unreadable"


class DocumentEncrypted(Terminal):
    """The file needs a password."""

    code = "document.encrypted"


class DocumentTooLarge(Terminal):
    """The file has more bytes, pages or characters than a document may have, or unpacks to more."""

    code = "document.too_large"


class DocumentTooCostly(Terminal):
    """Reading the file took more processor time or memory than a document may take."""

    code = "document.too_costly"
