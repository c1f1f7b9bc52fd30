"""Says loudly that a position is not in the log any more: records were deleted before a group had read them."""

from jobforge.chassis.logs import get_logger
from jobforge.chassis.metrics import CONSUMER_RECORDS_LOST, CONSUMER_RESETS, child
from jobforge.chassis.wire import Partition

log = get_logger()


def out_of_range(group: str, at: Partition, *, wanted: int, first: int, end: int) -> None:
    """Log and count that ``group`` wanted to read from an offset that the partition (``first`` to ``end``) has not.

    Below the first offset, retention deleted what lay between; above the end, the log itself was lost or made anew.
    """
    lost = max(0, first - wanted)
    reason = "deleted" if lost else "beyond_end"
    log.error(
        "offsets.out_of_range",
        group=group,
        topic=at.topic,
        partition=at.number,
        wanted=wanted,
        first=first,
        end=end,
        records_lost=lost,
        reason=reason,
        advice="these records were deleted unread: raise the topic's retention.ms, or let readers catch up sooner"
        if lost
        else "the topic was made anew or lost records: the group reads it from its first offset",
    )
    child(CONSUMER_RESETS, group, at.topic, reason).inc()
    child(CONSUMER_RECORDS_LOST, group, at.topic).inc(lost)
