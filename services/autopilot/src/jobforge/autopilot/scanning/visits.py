"""What a scan and the process that runs its browser tell each other."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from jobforge.autopilot.scanning.answers import MIB

Impact = Literal["critical", "serious", "moderate", "minor"]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VisitLimits(_Told):
    """What one visit may take; ``memory`` is the resident bytes of all its processes, shared ones counted for each."""

    seconds: float = 45.0
    memory: int = 2_560 * MIB
    requests: int = 150
    total_bytes: int = 25 * MIB
    loading: float = 5.0
    """Seconds that the page has to load everything before it is judged as it is."""
    queue: float = 30.0
    """Seconds that a visit waits for the one before it."""


class Known(_Told):
    """A host whose addresses the scan has checked already."""

    host: str
    port: int
    addresses: tuple[str, ...]


class Visit(_Told):
    """A page to look at. ``private`` is the page's own host and port, if it may have an address that is not public."""

    url: str
    program: str
    sandboxed: bool = True
    known: tuple[Known, ...] = ()
    private: tuple[tuple[str, int], ...] = ()
    limits: VisitLimits = VisitLimits()


class Violation(_Told):
    """A rule of axe-core that the page breaks; ``targets`` are selectors of the first elements that do."""

    id: str = Field(pattern=r"^[a-z0-9-]{1,60}$")
    impact: Impact
    help: str = Field(max_length=300)
    help_url: str = Field(pattern=r"^https://[!-~]{1,300}$")
    criteria: tuple[str, ...] = Field(max_length=20)
    """Of WCAG, such as ``1.1.1``."""
    elements: int = Field(ge=0)
    targets: tuple[str, ...] = Field(max_length=5)


class Examined(_Told):
    """What axe-core found. ``unsure`` counts rules that a person has to look at."""

    browser: str = Field(max_length=60)
    axe: str = Field(max_length=60)
    violations: tuple[Violation, ...] = Field(max_length=200)
    passed: int = Field(ge=0)
    unsure: int = Field(ge=0)
    loaded: int = 0
    refused: int = 0
    """Requests of the page that were not allowed, or failed."""


class Unexamined(_Told):
    """Why no browser looked at the page; ``tried`` says that one should have, and did not finish."""

    reason: str
    tried: bool
