"""The ways in which a contract cannot be processed; each keeps its code for ever."""

from collections.abc import Iterator
from contextlib import contextmanager

from jobforge.documents import errors
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


_OF_DOCUMENTS: dict[type[Terminal], type[Terminal]] = {
    errors.DocumentEncrypted: ContractEncrypted,
    errors.DocumentUnreadable: ContractUnreadable,
    errors.DocumentUnsupported: ContractTypeUnsupported,
    errors.DocumentTooLarge: ContractTooLarge,
    errors.DocumentTooCostly: ContractTooCostly,
}


@contextmanager
def contract_failures() -> Iterator[None]:
    """What cannot be read as a document fails as a contract, with the same message."""
    try:
        yield
    except tuple(_OF_DOCUMENTS) as error:
        raise _OF_DOCUMENTS[type(error)](str(error)) from error
