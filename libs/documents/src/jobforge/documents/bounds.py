"""How much a document may cost: limits on its size, and on the child process that reads it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from jobforge.aias.errors import DocumentTooCostly
from jobforge.execution.means import within_means

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one document may have and take; sizes in bytes, ``processor_time`` in whole seconds."""

    file_size: int = 32 * MIB
    pages: int = 2_000
    characters: int = 4_000_000
    unpacked_size: int = 128 * MIB
    memory: int = 768 * MIB
    processor_time: int = 45


def bounded(bounds: Bounds) -> AbstractContextManager[None]:
    """Hold this child process to the memory and processor time of ``bounds``; raises ``DocumentTooCostly``."""
    return within_means(
        "Reading the document", memory=bounds.memory, processor_time=bounds.processor_time, too_costly=DocumentTooCostly
    )
