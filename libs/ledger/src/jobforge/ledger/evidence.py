"""What is looked up run by run: the logs of clients and effect sinks, and dead letters; kept on disk, not in memory."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from jobforge.ledger.dead_letters import DeadLetter
from jobforge.ledger.records import Position, Record

_SCHEMA = """
CREATE TABLE call (run, tenant, template, key, phase, at, client);
CREATE TABLE read
  (run, tenant, began, at, client, what, status, state, attempt, as_of, holder, digest, answered, marks);
CREATE TABLE met (run PRIMARY KEY);
CREATE TABLE effect (key, run, status, attempt, named, tenant);
CREATE TABLE dead (topic, partition, offset, of_topic, of_partition, of_offset, key, value, headers, at);
CREATE INDEX dead_at ON dead (topic, partition, offset);
CREATE INDEX dead_of ON dead (of_topic, of_partition);
CREATE INDEX dead_key ON dead (key);
"""
_INDEXES = """
CREATE INDEX call_run ON call (run);
CREATE INDEX call_key ON call (tenant, template, key);
CREATE INDEX read_run ON read (run);
CREATE INDEX effect_run ON effect (run);
CREATE INDEX effect_named ON effect (named);
"""
_PUT_READ = "INSERT INTO read VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_PUT_CALL = "INSERT INTO call VALUES (?,?,?,?,?,?,?)"
_PUT_EFFECT = "INSERT INTO effect VALUES (?,?,?,?,?,NULL)"
_PUT_DEAD = "INSERT INTO dead VALUES (?,?,?,?,?,?,?,?,?,?)"


class LogUnreadable(ValueError):
    """A client or effects log holds a line that cannot be read; the message names it."""


class Seen(NamedTuple):
    """One answer that a client got about a run; the fields are those of the client log."""

    tenant: str
    began: float
    at: float
    client: str
    what: str
    status: int
    state: str | None
    attempt: int | None
    as_of: str | None
    holder: str | None
    digest: str | None
    answered: str | None
    marks: str


class Effect(NamedTuple):
    """One call of a far side."""

    key: str
    status: str
    attempt: int | None


class Evidence:
    """A database in a temporary file of its own, gone when it is closed."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("")
        self._db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16000;" + _SCHEMA)
        self.has_client_log = False
        self.has_effects_log = False

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def load(self, *, client_log: Path | None = None, effects_log: Path | None = None) -> None:
        """Read the logs; raises ``LogUnreadable`` and ``OSError``."""
        if client_log is not None:
            calls, reads = self._db.cursor(), self._db.cursor()
            for number, line in _lines(client_log):
                try:
                    if line["op"] == "read":
                        reads.execute(_PUT_READ, _read(line))
                    else:
                        fields = (
                            line.get("run"),
                            *(line[name] for name in ("tenant", "template", "key", "phase", "at")),
                        )
                        calls.execute(_PUT_CALL, (*fields, line["client"]))
                except KeyError as error:
                    raise LogUnreadable(f"{client_log}, line {number}: it has no {error}") from None
            self.has_client_log = True
        if effects_log is not None:
            try:
                self._db.executemany(
                    _PUT_EFFECT,
                    (
                        (line["key"], line.get("run"), line["status"], line.get("attempt"), _effect(line))
                        for _, line in _lines(effects_log)
                    ),
                )
            except KeyError as error:
                raise LogUnreadable(f"{effects_log}: a line has no {error}") from None
            self.has_effects_log = True
        self._db.executescript(_INDEXES)

    def add_dead(self, records: Iterable[Record]) -> None:
        """Keep records that were set aside."""
        self._db.executemany(_PUT_DEAD, (_dead(record) for record in records))

    def dead_of(self, topic: str, partition: int) -> Mapping[int, list[Position]]:
        """Which offsets of a partition were set aside, and where their dead letters stand."""
        found: dict[int, list[Position]] = {}
        rows = self._db.execute(
            "SELECT of_offset, topic, partition, offset FROM dead WHERE of_topic=? AND of_partition=?",
            (topic, partition),
        )
        for of, *position in rows:
            found.setdefault(of, []).append(Position(*position))
        return found

    def dead_at(self, position: Position) -> DeadLetter | None:
        """The dead letter that stands there."""
        where = "topic=? AND partition=? AND offset=?"
        return next(self._dead(where, position), None)

    def dead_with_key(self, key: bytes) -> Iterator[DeadLetter]:
        """Dead letters with this key."""
        return self._dead("key=?", (key,))

    def dead_letters(self) -> Iterator[DeadLetter]:
        """All of them, in order."""
        return self._dead("1 ORDER BY topic, partition, offset", ())

    def accepted_at(self, run: str) -> float | None:
        """When a client first knew that this run was accepted."""
        found = self._db.execute("SELECT min(at) FROM call WHERE run=? AND phase='ok'", (run,)).fetchone()
        return None if found[0] is None else float(found[0])

    def meet(self, run: str) -> None:
        """This accepted run is in the log."""
        self._db.execute("INSERT OR IGNORE INTO met VALUES (?)", (run,))

    def never_met(self) -> Iterator[tuple[str, str]]:
        """Run and tenant of every accepted call whose run is not in the log."""
        yield from self._db.execute(
            "SELECT DISTINCT run, tenant FROM call WHERE phase='ok' AND run NOT IN (SELECT run FROM met)"
        )

    def calls_accepted(self) -> Iterator[tuple[str, str, str, str]]:
        """Run, tenant, template and key of every call that was accepted, each once."""
        yield from self._db.execute("SELECT DISTINCT run, tenant, template, key FROM call WHERE phase='ok'")

    def reads_of(self, run: str) -> list[Seen]:
        """What clients were answered about a run, by when they asked."""
        fields = ", ".join(Seen._fields)
        rows = self._db.execute(f"SELECT {fields} FROM read WHERE run=? ORDER BY began", (run,))  # noqa: S608
        return [Seen(*row) for row in rows]

    def runs_read(self) -> Iterator[str]:
        """Every run that a client asked for."""
        yield from (run for (run,) in self._db.execute("SELECT DISTINCT run FROM read"))

    def effects_of(self, run: str, tenant: str) -> list[Effect]:
        """The calls that said they come from this run; from now on they are this tenant's."""
        self._db.execute("UPDATE effect SET tenant=? WHERE run=?", (tenant, run))
        return [Effect(*row) for row in self._db.execute("SELECT key, status, attempt FROM effect WHERE run=?", (run,))]

    def doubled_effects(self) -> Iterator[tuple[str, int, str | None, str | None]]:
        """Effects that were visible more than once: how often, one run of them, and its tenant."""
        yield from self._db.execute(
            "SELECT named, count(*), min(run), min(tenant) FROM effect WHERE status='visible'"
            " GROUP BY named HAVING count(*) > 1"
        )

    def effects(self) -> int:
        """How many effects there are, each counted once."""
        return int(self._db.execute("SELECT count(DISTINCT named) FROM effect").fetchone()[0])

    def _dead(self, where: str, given: tuple[Any, ...]) -> Iterator[DeadLetter]:
        rows = self._db.execute(
            f"SELECT topic, partition, offset, key, value, headers, at FROM dead WHERE {where}",  # noqa: S608
            given,
        )
        for topic, partition, offset, key, value, headers, at in rows:
            named = tuple((name, bytes.fromhex(text)) for name, text in orjson.loads(headers))
            yield DeadLetter(Record(topic, partition, offset, key, value, named, at))


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                found = orjson.loads(line)
                if not isinstance(found, dict):
                    raise ValueError
            except ValueError:
                if not line.endswith(b"\n"):
                    return  # its writer died while writing it
                raise LogUnreadable(f"{path}, line {number}: not a JSON object") from None
            yield number, found


def _read(line: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("state", "attempt", "as_of", "holder", "digest", "answered")
    asked = (line[name] for name in ("run", "tenant", "began", "at", "client", "what", "status"))
    return (*asked, *(line.get(name) for name in names), ",".join(line.get("foreign") or ()))


def _effect(line: Mapping[str, Any]) -> str:
    """The step of a root run; two keys may stand for one such effect, and that is a finding."""
    root, step = str(line["key"]).rpartition(":")[0], line.get("step")
    return f"{root}:{step}" if step else str(line["key"])


def _dead(record: Record) -> tuple[Any, ...]:
    of = DeadLetter(record).of or (None, None, None)
    headers = orjson.dumps([(name, value.hex()) for name, value in record.headers])
    return (*record.position, *of, record.key, record.value, headers, record.timestamp)
