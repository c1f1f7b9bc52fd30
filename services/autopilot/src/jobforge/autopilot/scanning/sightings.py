"""What was seen of a site, before anything is judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jobforge.autopilot.scanning.answers import Answer
from jobforge.autopilot.scanning.places import Place
from jobforge.autopilot.scanning.visits import Examined, Unexamined


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What the HTML of a page says; lists name the elements that lack something, as short markup."""

    language: str = ""
    title: str = ""
    images: int = 0
    images_without_alt: tuple[str, ...] = ()
    fields: int = 0
    fields_without_label: tuple[str, ...] = ()
    headings: tuple[int, ...] = ()
    links_without_text: tuple[str, ...] = ()
    buttons_without_text: tuple[str, ...] = ()
    frames_without_title: tuple[str, ...] = ()
    repeated_ids: tuple[str, ...] = ()
    zoom_off: bool = False
    has_main: bool = False
    blocking_scripts: tuple[str, ...] = ()
    blocking_styles: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    """References of scripts, styles and images, each once, in the page's order."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that the page loads: its answer, or why there is none."""

    reference: str
    answer: Answer | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a leaf certificate says; ``key`` such as ``RSA 2048``."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    key: str
    key_weak: bool
    signature: str


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What the encryption of a place is like; ``untrusted`` and ``misnamed`` are OpenSSL's reasons, or empty.

    ``old_protocols`` names those that the site still takes; None if this machine can speak none of them.
    """

    place: Place
    certificate: Certificate
    protocol: str
    cipher: str
    untrusted: str
    misnamed: str
    old_protocols: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Sightings:
    """All that one scan saw. ``hops`` are the answers on the way, the page last; empty if encryption failed.

    ``repeats`` are the page's further answers, ``asset_repeats`` those of its first file, ``revalidated`` the answers
    to conditional requests by URL.
    """

    asked: Place
    seen_at: datetime
    resolving: float
    hops: tuple[Answer, ...]
    facts: PageFacts | None = None
    repeats: tuple[Answer, ...] = ()
    resources: tuple[Resource, ...] = ()
    asset_repeats: tuple[Answer, ...] = ()
    revalidated: Mapping[str, Answer] = field(default_factory=dict)
    tls: TlsFacts | None = None
    tls_failed: str = ""
    examined: Examined | Unexamined | None = None

    @property
    def page(self) -> Answer:
        """The answer behind all redirects."""
        return self.hops[-1]

    @property
    def assets(self) -> list[Answer]:
        """What the page loads from its own host and was answered well."""
        answers = [each.answer for each in self.resources if each.answer is not None]
        return [each for each in answers if each.place.origin == self.page.place.origin and each.status == 200]
