"""What Settler's templates are given: a way to get a contract processed without touching its bytes themselves."""

from collections.abc import Callable
from datetime import UTC, date, datetime

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobforge.execution.job import Job
from jobforge.settler.failures import ContractTooLarge
from jobforge.settler.processing import Depth, Processed, process_contract
from jobforge.settler.reading.bounds import Bounds

MIB = 1024 * 1024


class DocumentLimits(BaseSettings):
    """How large a contract may be and how much reading it may take; ``JOBFORGE_SETTLER_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="JOBFORGE_SETTLER_", frozen=True, extra="ignore")

    max_bytes: int = Field(default=32 * MIB, gt=0, description="Size of the file.")
    max_unpacked_bytes: int = Field(default=128 * MIB, gt=0, description="Size of a DOCX's parts together.")
    max_pages: int = Field(default=1_000, gt=0)
    max_characters: int = Field(default=4_000_000, gt=0, description="Length of the text.")
    max_memory: int = Field(default=768 * MIB, gt=0, description="Bytes that reading may take in the child process.")
    max_processor_time: int = Field(default=45, gt=0, description="Seconds of processor time for one contract.")

    def bounds(self) -> Bounds:
        """The same as a plain value that the child process takes."""
        return Bounds(
            file_size=self.max_bytes,
            pages=self.max_pages,
            characters=self.max_characters,
            unpacked_size=self.max_unpacked_bytes,
            memory=self.max_memory,
            processor_time=self.max_processor_time,
        )


def utc_today() -> date:
    """The day in UTC."""
    return datetime.now(UTC).date()


class Documents:
    """Uploaded contracts, read and analysed in a child process within the limits."""

    def __init__(self, limits: DocumentLimits, *, today: Callable[[], date] = utc_today) -> None:
        self._bounds = limits.bounds()
        self._today = today

    async def process(self, job: Job, contract_id: str, depth: Depth, as_of: date | None = None) -> Processed:
        """The analysis of an uploaded contract as of a day (today if not given).

        Raises ``ObjectMissing`` or one of ``jobforge.settler.failures``.
        """
        stored = await job.read_object("contract", contract_id)
        if stored.size > self._bounds.file_size:
            raise ContractTooLarge(
                f"The file has {stored.size} bytes; at most {self._bounds.file_size} are read "
                f"(JOBFORGE_SETTLER_MAX_BYTES)."
            )
        today = as_of or self._today()
        return await job.in_process(process_contract, stored.data, stored.content_type, depth, today, self._bounds)
