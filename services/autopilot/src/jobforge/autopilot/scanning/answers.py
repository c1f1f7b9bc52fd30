"""What a site answered to one request, and how long each part of it took."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobforge.autopilot.scanning.places import Place

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of each part: connecting, TLS (None without), from then to the end of the headers, and all together."""

    connect: float
    tls: float | None
    first_byte: float
    total: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``body`` is as it came over the wire, and cut where it was ``truncated``."""

    place: Place
    address: str
    status: int
    headers: Mapping[str, str]
    cookies: tuple[str, ...]
    body: bytes
    truncated: bool
    timing: Timing

    def header(self, name: str) -> str:
        """A header's value, or nothing; several of one name are joined by commas."""
        return self.headers.get(name.lower(), "")
