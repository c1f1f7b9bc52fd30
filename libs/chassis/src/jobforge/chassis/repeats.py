"""Libraries that say the same thing over and over, heard once in a while."""

import logging

from jobforge.chassis.wire import Clock

WINDOW = 10.0
"""Seconds in which one sentence of one library is written once."""
_REMEMBERED = 1000


class Repeats(logging.Filter):
    """Lets a record pass unless the same sentence about the same error passed within ``WINDOW`` seconds.

    The next one that passes says in ``repeated`` how many were held back.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._passed: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write the record."""
        error = record.exc_info[1] if record.exc_info else None
        said = (record.name, record.levelno, f"{record.msg} {error!r:.200}")
        now = self._clock()
        last, held_back = self._passed.get(said, (None, 0))
        if last is not None and now - last < WINDOW:
            self._passed[said] = (last, held_back + 1)
            return False
        if len(self._passed) >= _REMEMBERED:
            self._passed.clear()
        self._passed[said] = (now, 0)
        if held_back:
            record.repeated = held_back
        return True
