"""When a call is repeated, and after what pause."""

import time
from typing import Any

from tenacity import RetryCallState, retry_if_exception, stop_before_delay, wait_exponential_jitter

from jobforge.client.errors import JobForgeError, JobForgeUnavailable

ATTEMPT = 15.0
"""Seconds for one attempt: above the 12 that the plane needs to say that Kafka does not answer."""
_backoff = wait_exponential_jitter(multiplier=0.1, max=5.0, jitter=0.3)


class Deadline:
    """A moment by which something must be done."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left, never below 0."""
        return max(self._end - time.monotonic(), 0.0)

    def attempt(self) -> float:
        """Seconds for the next attempt."""
        return min(ATTEMPT, max(self.left(), 0.05))


def repetition(timeout: float) -> dict[str, Any]:
    """How tenacity repeats a call within ``timeout`` seconds: what is transient, when the plane asks for it."""
    return {
        "retry": retry_if_exception(_is_transient),
        "wait": _pause,
        "stop": stop_before_delay(timeout),
        "reraise": True,
    }


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, JobForgeError) and error.transient


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, JobForgeUnavailable) and error.retry_after is not None:
        return max(error.retry_after, 0.05)
    return _backoff(state)
