"""Settles where the view stands in a partition, whatever became of the view and of the log meanwhile."""

from jobforge.chassis.logs import get_logger
from jobforge.chassis.lost_offsets import out_of_range
from jobforge.chassis.wire import Partition
from jobforge.manifest import keys
from jobforge.manifest.batches import Batch
from jobforge.manifest.store import Step, Store

log = get_logger()


async def settled(store: Store, at: Partition, held: int | None, *, first: int, end: int, group: str) -> int | None:
    """The watermark from which to go on, given the one that the view holds; None when it has just vanished.

    A view without one begins where the log does, and so does one that is not in the log: above its end the log itself
    was lost, below its first offset records were deleted unread. That is told, and nothing waits for what never comes.
    """
    if held is not None and held > end:
        log.warning("view.ahead_of_log", partition=keys.watermark(at), held=held, end=end)
        await store.forget(at)
        held = None
    if held is not None and held >= first:
        return held
    (answer,) = await store.apply([Step(at, held, first, Batch())])
    if answer.how != "done":
        return answer.held
    if held is not None:
        out_of_range(group, at, wanted=held, first=first, end=end)
    return first
