"""How much a contract may cost: limits on its size, and on the child process that reads it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from jobforge.execution.means import within_means
from jobforge.settler.failures import ContractTooCostly


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one contract may have and take; sizes in bytes, ``processor_time`` in whole seconds."""

    file_size: int = 32 * 1024 * 1024
    pages: int = 1_000
    characters: int = 4_000_000
    unpacked_size: int = 128 * 1024 * 1024
    memory: int = 768 * 1024 * 1024
    processor_time: int = 45


def bounded(bounds: Bounds) -> AbstractContextManager[None]:
    """Hold this child process to the memory and processor time of ``bounds``; raises ``ContractTooCostly``."""
    return within_means(
        "Reading the contract", memory=bounds.memory, processor_time=bounds.processor_time, too_costly=ContractTooCostly
    )
