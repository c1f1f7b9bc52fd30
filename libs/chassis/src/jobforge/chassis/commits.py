"""A commit that may come too late or not get through: neither loses anything, since offsets only say what is done."""

from collections.abc import Mapping

from jobforge.chassis.logs import get_logger
from jobforge.chassis.wire import Consumer, NotAssigned, Partition

log = get_logger()


async def committed(consumer: Consumer, due: Mapping[Partition, int]) -> bool:
    """Whether these offsets are committed now; if not, it is logged, and the next commit carries them or more."""
    try:
        await consumer.commit(due)
    except NotAssigned as error:
        log.info("commit.too_late", error=str(error))
        return False
    except Exception as error:
        log.warning("commit.failed", error=repr(error))
        return False
    return True
