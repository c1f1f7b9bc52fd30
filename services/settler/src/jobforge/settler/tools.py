"""What Settler's templates are given: a way to get a contract processed without touching its bytes themselves."""

from collections.abc import Callable
from datetime import UTC, date, datetime

from pydantic_settings import SettingsConfigDict

from jobforge.documents.limits import ReadingLimits
from jobforge.execution.job import Job
from jobforge.settler.failures import contract_failures
from jobforge.settler.processing import Depth, Processed, process_contract


class DocumentLimits(ReadingLimits):
    """How large a contract may be and how much reading it may take; ``JOBFORGE_SETTLER_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="JOBFORGE_SETTLER_")


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
        with contract_failures():
            self._bounds.hold(size=stored.size)
        today = as_of or self._today()
        return await job.in_process(process_contract, stored.data, stored.content_type, depth, today, self._bounds)
