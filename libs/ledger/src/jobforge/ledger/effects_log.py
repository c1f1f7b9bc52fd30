"""The effects log: what reached a far side that acts on the world, one JSON object a line, for the history checker.

An effect sink writes a line for every call that it got::

    {"at":3.0,"key":"<root run id>:<step>","run":"<uuid>","step":"post","attempt":1,"status":"visible"}

``visible``: the call changed something that people can see. ``repeat``: the key was known, nothing changed.
``refused``: nothing changed. ``at`` is seconds of any clock; ``run`` and ``attempt`` are as the caller said, or null.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from uuid import UUID

import orjson

EffectStatus = Literal["visible", "repeat", "refused"]


class EffectsLog:
    """Appends to an effects log; each line is whole however the process ends."""

    def __init__(self, path: Path | str, *, clock: Callable[[], float] = time.time) -> None:
        self._file = Path(path).open("ab", buffering=0)  # noqa: SIM115 - it lives as long as its writer
        self._clock = clock

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def write(
        self,
        key: str,
        status: EffectStatus,
        *,
        run_id: UUID | str | None = None,
        step: str | None = None,
        attempt: int | None = None,
    ) -> None:
        """Note one call of the far side."""
        run = None if run_id is None else str(run_id)
        line = {"at": self._clock(), "key": key, "run": run, "step": step, "attempt": attempt, "status": status}
        self._file.write(orjson.dumps(line) + b"\n")
