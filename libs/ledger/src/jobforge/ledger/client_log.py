"""The client log: what a client of the plane did and saw, one JSON object a line, for the history checker.

Every line has ``op``, ``at`` (seconds of one clock for the whole file; the writer takes the machine's monotonic
clock, which all processes of one machine share), ``client`` (who wrote it) and ``tenant``.

``op: "request"`` is a job request. A line with ``phase: "invoke"`` is written before it is sent, and one more when it
is known how that ended, with the same ``call``::

    {"op":"request","phase":"invoke","at":1.0,"client":"c1","tenant":"acme","call":"c1-1","template":"echo.message.reply",
     "key":"k-1","digest":"<body digest>"}
    {"op":"request","phase":"ok","at":1.1,"client":"c1","tenant":"acme","call":"c1-1","template":"echo.message.reply",
     "key":"k-1","digest":"<body digest>","run":"<uuid>","status":202}

``ok``: the plane answered 202 with this run. ``fail``: nothing was accepted (a 4xx, or a 503 that says so). ``info``:
nobody knows (a time-out, a lost connection, a 503 with ``outcome: unknown``): the run may exist or not. An ``invoke``
without a second line, since the client was killed, counts as ``info``. Repeating a request is a new ``call`` with the
same ``key``.

``op: "read"`` is one answer about a run, with when it was asked for (``began``) and came (``at``)::

    {"op":"read","began":2.0,"at":2.1,"client":"c1","tenant":"acme","run":"<uuid>","what":"job","status":200,
     "state":"succeeded","attempt":1,"as_of":"jobforge.runs/3@17","holder":"acme","digest":null,"foreign":[]}

``what`` is ``job`` or ``manifest``; ``status`` the HTTP status, 0 when no answer came. Of a 200: ``state`` is the job's
status (of a manifest: ``pending``, ``complete`` or ``failed``), ``holder`` the tenant that the answer names, ``digest``
a terminal manifest's. ``foreign`` names other tenants whose marks the reader found in the answer's bytes.
"""

import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import orjson

from jobforge.contracts.base import JsonObject
from jobforge.contracts.identity import body_digest
from jobforge.contracts.jobs import Job
from jobforge.contracts.manifest import RunManifest

NO_ANSWER = 0
"""``status`` of a read or request to which no answer came."""


class ClientLog:
    """Appends to a client log. Several clients, also of several processes, may write to one file.

    Each line is handed to the system in one piece before the call returns, so a killed client leaves whole lines.
    """

    def __init__(self, path: Path | str, *, client: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = Path(path).open("ab", buffering=0)  # noqa: SIM115 - it lives as long as its writer
        self._client = client
        self._clock = clock
        self._calls = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def request(
        self,
        tenant: str,
        template: str,
        key: str,
        inputs: JsonObject,
        *,
        project_id: str | None = None,
        dry_run: bool = False,
    ) -> "Call":
        """Note that a request is about to be sent. Call this first, then send, then tell the ``Call`` how it ended."""
        digest = body_digest(tenant, project_id, template, inputs, dry_run)
        call = f"{self._client}-{next(self._calls)}"
        line = {"tenant": tenant, "call": call, "template": template, "key": key, "digest": digest}
        self._write({"op": "request", "phase": "invoke", "at": self._clock(), **line})
        return Call(self, line)

    def reading(self, tenant: str, run_id: UUID | str, what: str = "job") -> "Reading":
        """Note when a read is asked for; tell the ``Reading`` what came. ``what`` is ``job`` or ``manifest``."""
        return Reading(self, tenant, str(run_id), what, self._clock())

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(orjson.dumps({**line, "client": self._client}) + b"\n")

    def _ended(self, phase: str, line: dict[str, Any]) -> None:
        self._write({"op": "request", "phase": phase, "at": self._clock(), **line})

    def _saw(self, line: dict[str, Any]) -> None:
        self._write({"op": "read", "at": self._clock(), **line})


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way; exactly one of these ends it."""

    log: ClientLog
    line: dict[str, Any]

    def ok(self, run_id: UUID | str, *, status: int = 202) -> None:
        """The plane accepted it as this run."""
        self.log._ended("ok", {**self.line, "run": str(run_id), "status": status})

    def fail(self, status: int = NO_ANSWER, code: str | None = None) -> None:
        """Certainly nothing was accepted."""
        self.log._ended("fail", {**self.line, "status": status, "code": code})

    def info(self, status: int = NO_ANSWER, code: str | None = None) -> None:
        """It may have been accepted or not."""
        self.log._ended("info", {**self.line, "status": status, "code": code})


@dataclass(frozen=True, slots=True)
class Reading:
    """One read on its way; ``job``, ``manifest`` or ``refused`` ends it."""

    log: ClientLog
    tenant: str
    run: str
    what: str
    began: float

    def job(self, job: Job, *, foreign: Iterable[str] = ()) -> None:
        """The job came; ``foreign`` are other tenants whose marks are in the answer."""
        seen = {"state": job.status, "attempt": job.attempt, "as_of": job.as_of, "holder": job.tenant_id}
        self._saw(200, {**seen, "run": str(job.id)}, foreign)

    def manifest(self, manifest: RunManifest, *, as_of: str | None = None, foreign: Iterable[str] = ()) -> None:
        """The manifest came, with the header ``JobForge-As-Of``."""
        seen = {"state": manifest.status, "digest": manifest.digest, "as_of": as_of, "holder": manifest.tenant_id}
        self._saw(200, {**seen, "run": str(manifest.run_id)}, foreign)

    def refused(self, status: int = NO_ANSWER, code: str | None = None) -> None:
        """A 404, a 503 or any other refusal; 0 when no answer came."""
        self._saw(status, {"code": code}, ())

    def _saw(self, status: int, seen: dict[str, Any], foreign: Iterable[str]) -> None:
        asked = {"began": self.began, "tenant": self.tenant, "run": self.run, "what": self.what}
        answered = {} if seen.get("run") in (None, self.run) else {"answered": seen["run"]}
        self.log._saw({**asked, "status": status, **{**seen, "run": self.run}, **answered, "foreign": list(foreign)})
