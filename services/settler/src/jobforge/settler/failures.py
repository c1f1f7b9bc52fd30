"""The ways in which a contract cannot be processed; each keeps its code for ever."""

from jobforge.execution.errors import Terminal


class ContractHasNoText(Terminal):
    """The file opens but holds no readable text, as a scan does; run it through text recognition first."""

    code = "contract.no_text"


class ContractEncrypted(Terminal):
    """The file needs a password."""

    code = "contract.encrypted"


class ContractUnreadable(Terminal):
    """The file is of a known type but broken."""

    code = "contract.unreadable"


class ContractTypeUnsupported(Terminal):
    """The file is none of plain text, PDF and DOCX."""

    code = "contract.unsupported_type"


class ContractTooLarge(Terminal):
    """The file has more bytes, pages or characters than a contract may have, or unpacks to more."""

    code = "contract.too_large"


class ContractTooCostly(Terminal):
    """Reading the file took more processor time or memory than a contract may take."""

    code = "contract.too_costly"
