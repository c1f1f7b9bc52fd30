"""A clock that can be set from outside: Python imports this before anything else in a process with it on its path.

The file that ``CHAOS_CLOCK`` names holds by how many seconds the process's wall clock is wrong; its monotonic clock is
right, as it is when somebody sets a machine's clock.
"""

import copyreg
import datetime
import os
import time
from typing import Any

_real_time = time.time
_RealDatetime = datetime.datetime


def _error() -> float:
    try:
        with open(os.environ["CHAOS_CLOCK"], encoding="utf-8") as file:  # noqa: PTH123 - nothing else is imported yet
            return float(file.read() or 0)
    except (KeyError, OSError, ValueError):
        return 0.0


class _AnyDatetime(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _RealDatetime)


class _WrongDatetime(_RealDatetime, metaclass=_AnyDatetime):
    """Makes plain ones, which is all that serializers in C take; those count as this class's too."""

    def __new__(cls, *parts: Any, **more: Any) -> datetime.datetime:  # type: ignore[misc]  # plain
        return _RealDatetime(*parts, **more)

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]  # plain
        return _RealDatetime.fromtimestamp(time.time(), tz)


def _made(*parts: Any) -> datetime.datetime:
    return _RealDatetime(*parts)


# A child process gets a datetime by this module's name for it: its own is not what `datetime.datetime` finds.
copyreg.pickle(_RealDatetime, lambda value: (_made, tuple(value.__reduce_ex__(4)[1])))
time.time = lambda: _real_time() + _error()
time.time_ns = lambda: int(time.time() * 1e9)
datetime.datetime = _WrongDatetime  # type: ignore[misc]
