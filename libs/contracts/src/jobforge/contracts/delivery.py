"""The headers that travel with a job record between its tries, so that who moves it copies its bytes unread."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

ATTEMPT = "jobforge-attempt"
"""Which attempt the next try is; absent: the first."""
NOT_BEFORE = "jobforge-not-before"
"""Milliseconds since the epoch."""
RETURN_TO = "jobforge-return-to"
"""The topic that a waiting record goes back to."""
FORGIVEN = "jobforge-forgiven"
"""Present once an attempt raised what is neither ``Retryable`` nor ``Terminal``: that is forgiven once."""
PARKED_AT = "jobforge-parked-at"
"""Milliseconds since the epoch at which a record of an unknown version began to wait for a worker that knows it."""
ERROR = "jobforge-error"
"""The code of the error that made the attempt before fail."""
PREVIOUS = "jobforge-previous"
"""W3C traceparent of the attempt before, for the next one to link to."""

NAMES = frozenset({ATTEMPT, NOT_BEFORE, RETURN_TO, FORGIVEN, PARKED_AT, ERROR, PREVIOUS})

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a job record's headers say about this try."""

    attempt: int = 1
    not_before: datetime | None = None
    return_to: str | None = None
    forgiven: bool = False
    parked_at: datetime | None = None
    error: str | None = None
    previous: str | None = None

    @classmethod
    def of(cls, headers: Iterable[tuple[str, bytes | None]]) -> "Delivery":
        """Read from a record; what makes no sense counts as absent, since anybody may write a header."""
        found = {name: (value or b"").decode(errors="replace") for name, value in headers if name in NAMES}
        attempt = found.get(ATTEMPT, "")
        return cls(
            attempt=max(1, int(attempt)) if attempt.isascii() and attempt.isdigit() and len(attempt) < 6 else 1,
            not_before=_instant(found.get(NOT_BEFORE)),
            return_to=found.get(RETURN_TO) or None,
            forgiven=FORGIVEN in found,
            parked_at=_instant(found.get(PARKED_AT)),
            error=found.get(ERROR) or None,
            previous=found.get(PREVIOUS) or None,
        )

    def headers(self, original: Headers) -> Headers:
        """The original headers without what an earlier try added, and then what this one says."""
        said: list[tuple[str, str]] = []
        if self.attempt > 1:
            said.append((ATTEMPT, str(self.attempt)))
        if self.not_before is not None:
            said.append((NOT_BEFORE, _millis(self.not_before)))
        if self.return_to is not None:
            said.append((RETURN_TO, self.return_to))
        if self.forgiven:
            said.append((FORGIVEN, "1"))
        if self.parked_at is not None:
            said.append((PARKED_AT, _millis(self.parked_at)))
        if self.error is not None:
            said.append((ERROR, self.error))
        if self.previous is not None:
            said.append((PREVIOUS, self.previous))
        kept = tuple((name, value) for name, value in original if name not in NAMES)
        return (*kept, *((name, text.encode()) for name, text in said))


def _millis(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))


def _instant(text: str | None) -> datetime | None:
    if not text or not (text.isascii() and text.isdigit()) or len(text) > 14:
        return None
    return datetime.fromtimestamp(int(text) / 1000, UTC)
