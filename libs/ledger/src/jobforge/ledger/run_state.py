"""What the log says about one run, folded to the little that its judgement needs."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from jobforge.contracts.base import JsonObject
from jobforge.contracts.delivery import Delivery
from jobforge.ledger.records import Position, Record

TERMINAL = {"RunSucceeded": "succeeded", "RunFailed": "failed", "RunCanceled": "canceled", "RunRestored": "restored"}
"""Terminal records, and the state that a reader sees after them."""


class Written(NamedTuple):
    """An artifact that the end names."""

    location: str
    sha256: str
    size: int


class End(NamedTuple):
    """The first terminal record."""

    offset: int
    type: str
    told: bytes
    """What a manifest must say of it, see ``told_by_end``."""
    state: str
    code: str | None
    dead_letter: str | None
    strays: tuple[str, ...]
    """Locations of artifacts that are not where the winning attempt writes."""
    artifacts: tuple[Written, ...]
    """Kept only where their bytes are looked at."""
    digest: str | None
    """Of a restored run: the digest it had."""


class Snapshot(NamedTuple):
    """A terminal manifest on ``jobforge.manifests``."""

    offset: int
    digest: str | None
    told: bytes
    sound: bool
    """Whether its digest is that of its content."""
    code: str | None


@dataclass(slots=True)
class RunState:
    """One run. Positions are (topic, offset); the partition is that of the run. Tuples, since most stay empty."""

    asked: tuple[tuple[str, int], ...] = ()
    """Its records on jobs topics."""
    at: int | None = None
    """Timestamp of the first of them, milliseconds since the epoch."""
    bodies: tuple[tuple[str, str, int], ...] = ()
    """Each other body under its id: digest, topic, offset of the first record with it."""
    granted: int | None = None
    root: str | None = None
    waits: tuple[tuple[str, int], ...] = ()
    """Its records on retry topics."""
    waited_for: int = 1
    """The highest attempt that a retry topic held."""
    starts: int = 0
    last_start: tuple[int, int] | None = None
    """The highest attempt that began, and at which offset."""
    ends: int = 0
    end: End | None = None
    snapshots: tuple[Snapshot, ...] = ()
    misplaced: tuple[Position, ...] = ()
    """Records whose value names another tenant or run than their key."""

    def add_request(self, record: Record, found: JsonObject | None) -> None:
        """A record on a jobs topic; ``found`` is None if it cannot be read."""
        self.asked += ((record.topic, record.offset),)
        if self.at is None or record.timestamp < self.at:
            self.at = record.timestamp
        if found is None or not isinstance(found.get("body_digest"), str):
            return
        digest = found["body_digest"]
        if all(digest != known for known, _, _ in self.bodies):
            self.bodies += ((digest, record.topic, record.offset),)
        if self.granted is None:
            attempts = found.get("attempts")
            self.granted = attempts if isinstance(attempts, int) else 1
            self.root = found.get("root_run_id")

    def add_wait(self, record: Record) -> None:
        """A record on a retry topic."""
        self.waits += ((record.topic, record.offset),)
        self.waited_for = max(self.waited_for, Delivery.of(record.headers).attempt)

    def add_fact(self, record: Record, found: JsonObject, *, folder: str, artifacts: bool) -> None:
        """A record on ``jobforge.runs``; ``folder`` is where the run's artifacts stand."""
        kind = found.get("type")
        if kind == "RunStarted":
            self.starts += 1
            attempt = found.get("attempt", 1)
            if self.last_start is None or attempt > self.last_start[0]:
                self.last_start = (attempt, record.offset)
        elif kind in TERMINAL:
            self.ends += 1
            if self.end is None:
                self.end = _end(record.offset, kind, found, folder, artifacts)

    def add_snapshot(self, record: Record, found: JsonObject, digest: str) -> None:
        """A terminal manifest; ``digest`` was computed from its content."""
        said = found.get("digest")
        if any(known.digest == said and known.sound for known in self.snapshots) and digest == said:
            return
        code = (found.get("error") or {}).get("code")
        self.snapshots += (Snapshot(record.offset, said, told_by_manifest(found), digest == said, code),)


def _end(offset: int, kind: str, found: JsonObject, folder: str, artifacts: bool) -> End:
    if kind == "RunRestored":
        manifest = found.get("manifest") or {}
        state = "succeeded" if manifest.get("status") == "complete" else "failed"
        if (manifest.get("error") or {}).get("code") == "job.canceled":
            state = "canceled"
        return End(offset, kind, told_by_manifest(manifest), state, None, None, (), (), manifest.get("digest"))
    error = found.get("error") or {}
    written = found.get("artifacts") or ()
    place = f"{folder}/{found.get('attempt')}-{found.get('claim')}/"
    strays = tuple(one["location"] for one in written if not str(one["location"]).startswith(place))
    kept = tuple(Written(one["location"], one["sha256"], one["size"]) for one in written) if artifacts else ()
    code, letter = error.get("code"), error.get("dead_letter")
    told = _told(kind == "RunSucceeded", found.get("finished_at"), code, found.get("outputs"), written)
    return End(offset, kind, told, TERMINAL[kind], code, letter, strays, kept, None)


def told_by_manifest(found: JsonObject) -> bytes:
    """What a manifest says about how its run ended: equal to ``End.told`` exactly when it tells of that record."""
    code = (found.get("error") or {}).get("code")
    finished = (found.get("timings") or {}).get("finished_at")
    return _told(found.get("status") == "complete", finished, code, found.get("outputs"), found.get("artifacts") or ())


def _told(succeeded: bool, finished_at: Any, code: Any, outputs: Any, artifacts: Any) -> bytes:
    written = [(one.get("name"), one.get("sha256"), one.get("location")) for one in artifacts]
    said = [succeeded, finished_at, code, outputs if succeeded else None, written if succeeded else []]
    return blake2b(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
