"""The names in Redis that more than one service uses: the rows of runs, their leases, and who still has to end."""

from uuid import UUID

from jobforge.chassis.wire import Partition

WATERMARKS = "jobforge:watermarks"
"""Hash: ``<topic>/<partition>`` to the offset of the next record to apply."""

REQUEST = "request"
"""Field of a row: the accepted request without its inputs, and where its record stands (JSON)."""
RUN = "run"
"""Field of a row: the fold of the run's records (JSON)."""
MANIFEST = "manifest"
"""Field of a row: the terminal manifest (JSON); there exactly when the run has ended."""
CANCEL = "cancel"
"""Field of a row: there once somebody asked to cancel the run."""
STARTS = "starts"
"""Field of a row: ``<attempt> <count>`` once an attempt has begun twice without an outcome."""


def watermark(partition: Partition) -> str:
    """The field that holds a partition's watermark."""
    return f"{partition.topic}/{partition.number}"


def row(tenant_id: str, run_id: UUID | str) -> str:
    """Hash of one run, written by the projection alone."""
    return f"jobforge:run:{tenant_id}:{run_id}"


def lease(tenant_id: str, run_id: UUID | str) -> str:
    """Who works on a run; written by workers alone."""
    return f"jobforge:lease:{tenant_id}:{run_id}"


def open_runs(partition: int) -> str:
    """Sorted set of the unfinished runs of a partition, as run keys, by when to look at them (ms since the epoch).

    The projection adds a run with its request and takes it out with its end; the scheduler moves its time on.
    """
    return f"jobforge:open:{partition}"
