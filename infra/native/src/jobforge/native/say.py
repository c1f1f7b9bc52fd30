"""How native mode speaks to whoever ran it: one line at a time, on standard error, at once."""

import sys
import threading
from collections.abc import Callable

Say = Callable[[str], None]
_ONE_AT_A_TIME = threading.Lock()


def to_stderr(line: str) -> None:
    """Print a line; threads do not mix theirs."""
    with _ONE_AT_A_TIME:
        sys.stderr.write(f"jobforge: {line}\n")
        sys.stderr.flush()
