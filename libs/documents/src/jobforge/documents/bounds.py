"""How much a document may cost: limits on its size, and on the child process that reads it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from jobforge.documents.errors import DocumentTooCostly, DocumentTooLarge
from jobforge.execution.means import within_means

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one document may have and take; sizes in bytes, ``processor_time`` in whole seconds.

    Messages name the setting to change: ``prefix`` is what the names of the service's settings begin with.
    """

    file_size: int = 32 * MIB
    pages: int = 1_000
    characters: int = 4_000_000
    unpacked_size: int = 128 * MIB
    memory: int = 768 * MIB
    processor_time: int = 45
    prefix: str = ""

    def hold(self, *, size: int = 0, pages: int = 0, characters: int = 0) -> None:
        """Raises ``DocumentTooLarge`` if a document may not have as many."""
        if size > self.file_size:
            most = f"at most {self.file_size} are read ({self.prefix}MAX_BYTES)"
            raise DocumentTooLarge(f"The file has {size} bytes; {most}.")
        if pages > self.pages:
            most = f"at most {self.pages} are read ({self.prefix}MAX_PAGES)"
            raise DocumentTooLarge(f"The file has {pages} pages; {most}.")
        if characters > self.characters:
            most = f"{self.characters} characters of text ({self.prefix}MAX_CHARACTERS)"
            raise DocumentTooLarge(f"The file holds more than {most}.")


def bounded(bounds: Bounds) -> AbstractContextManager[None]:
    """Hold this child process to the memory and processor time of ``bounds``; raises ``DocumentTooCostly``."""
    return within_means(
        "Reading the document", memory=bounds.memory, processor_time=bounds.processor_time, too_costly=DocumentTooCostly
    )
