"""Dead letters as operators see them: what was set aside, why, and how it groups."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from jobforge.contracts.dead_letter import (
    ADDED_HEADERS,
    CAUSE,
    DETAIL,
    HEADERS_LEFT_OUT,
    KEY_SHA256,
    ORIGIN_OFFSET,
    ORIGIN_PARTITION,
    ORIGIN_TOPIC,
    REASON,
    VALUE_NULL,
    VALUE_SHA256,
    added_headers,
)
from jobforge.contracts.identity import parse_run_key
from jobforge.ledger.records import Position, Record, object_in

_ADDED = ADDED_HEADERS | {"traceparent"}
"""What sets a record aside adds to its headers, and what every send in a trace adds."""
UNKNOWN = "?"
"""The template of a record that cannot be read."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record on a dead-letter topic or on ``jobforge.rejected``."""

    record: Record

    @property
    def position(self) -> Position:
        """Where it stands."""
        return self.record.position

    @property
    def of(self) -> Position | None:
        """Where the original stood."""
        added = added_headers(self.record.headers)
        try:
            return Position(added[ORIGIN_TOPIC], int(added[ORIGIN_PARTITION]), int(added[ORIGIN_OFFSET]))
        except (KeyError, ValueError):
            return None

    @property
    def reason(self) -> str:
        """The stable code of why."""
        return added_headers(self.record.headers).get(REASON, UNKNOWN)

    @property
    def cause(self) -> str | None:
        """The code of the last error, where attempts are spent."""
        said = added_headers(self.record.headers).get(CAUSE)
        return None if said == self.reason else said

    @property
    def detail(self) -> str:
        """The reason in words."""
        return added_headers(self.record.headers).get(DETAIL, "")

    @property
    def at(self) -> datetime:
        """When it was set aside."""
        return datetime.fromtimestamp(self.record.timestamp / 1000, UTC)

    @property
    def tenant(self) -> str | None:
        """The tenant that its key names."""
        named = parse_run_key(self.record.key)
        return named[0] if named else None

    @property
    def run(self) -> str | None:
        """The run that its key names."""
        named = parse_run_key(self.record.key)
        return str(named[1]) if named else None

    @property
    def template(self) -> str:
        """The template that it asked for, as far as it can be read."""
        found = (object_in(self.record.value) or {}).get("template_key")
        return found if isinstance(found, str) else UNKNOWN

    def keeps(self, original: Record) -> bool:
        """Whether it is the original's bytes, cut only as it says, and after its headers only what JobForge adds."""
        record, added = self.record, added_headers(self.record.headers)
        count = 0 if HEADERS_LEFT_OUT in added else len(original.headers)
        names = [name for name, _ in record.headers[count:]]
        whole = b"" if VALUE_NULL in added and original.key is None and original.value is None else original.value
        return (
            record.headers[:count] == original.headers[:count]
            and _holds(record.key, original.key, added.get(KEY_SHA256))
            and _holds(record.value, whole, added.get(VALUE_SHA256))
            and _ADDED.issuperset(names)
            and len(names) == len(set(names))
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dead letters; what is None does not choose. ``cause`` is a reason or the code of a last error."""

    cause: str | None = None
    template: str | None = None
    tenant: str | None = None
    since: datetime | None = None
    positions: frozenset[Position] = frozenset()

    def takes(self, letter: DeadLetter) -> bool:
        """Whether this one is meant."""
        return (
            (self.cause is None or self.cause in (letter.reason, letter.cause))
            and (self.template is None or self.template == letter.template)
            and (self.tenant is None or self.tenant == letter.tenant)
            and (self.since is None or self.since <= letter.at)
            and (not self.positions or letter.position in self.positions)
        )


@dataclass(slots=True)
class Group:
    """Dead letters of one cause and template; ``first`` and ``last`` by when they were set aside."""

    reason: str
    cause: str | None
    template: str
    first: DeadLetter
    last: DeadLetter
    count: int = 0


class Groups:
    """Groups that grow as letters are added."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str | None, str], Group] = {}

    def add(self, letters: Iterable[DeadLetter]) -> None:
        """Count these."""
        for letter in letters:
            named = (letter.reason, letter.cause, letter.template)
            group = self._groups.setdefault(named, Group(*named, letter, letter))
            group.count += 1
            group.first = min(group.first, letter, key=lambda one: one.at)
            group.last = max(group.last, letter, key=lambda one: one.at)

    def largest_first(self) -> list[Group]:
        """The groups by size."""
        return sorted(self._groups.values(), key=lambda group: (-group.count, group.reason, group.template))


def _holds(kept: bytes | None, whole: bytes | None, digest: str | None) -> bool:
    if digest is None or kept is None or whole is None:
        return kept == whole
    return whole.startswith(kept) and sha256(whole).hexdigest() == digest
