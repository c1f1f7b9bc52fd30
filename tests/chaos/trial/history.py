"""What every client saw, in the order in which it saw it: one line of JSON an answer."""

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from trial.plan import Ask


class History:
    """Writes the client log of one trial."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")
        self.lines = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def accepted(self, ask: Ask, run_id: str, answer: httpx.Response) -> None:
        """A request was answered with 202."""
        self._write("accepted", tenant_id=ask.tenant, run_id=run_id, key=ask.key, template_key=ask.template)

    def not_accepted(self, ask: Ask, answer: httpx.Response | None) -> None:
        """A request got no answer, or was told to come again: it may have been written or not."""
        self._write("unknown", tenant_id=ask.tenant, key=ask.key, status=answer and answer.status_code)

    def refused(self, ask: Ask, answer: httpx.Response) -> None:
        """A request was refused for good."""
        self._write("refused", tenant_id=ask.tenant, key=ask.key, status=answer.status_code, body=answer.text)

    def job(self, tenant: str, run_id: str, answer: httpx.Response | None) -> None:
        """A run was read."""
        if answer is None:
            return
        found = answer.json() if answer.status_code == httpx.codes.OK else {}
        self._write(
            "job",
            tenant_id=tenant,
            run_id=run_id,
            status=answer.status_code,
            state=found.get("status"),
            attempt=found.get("attempt"),
            as_of=found.get("as_of"),
        )

    def manifest(self, tenant: str, run_id: str, answer: httpx.Response | None) -> None:
        """A manifest was read."""
        if answer is None:
            return
        found = answer.json() if answer.status_code == httpx.codes.OK else {}
        self._write(
            "manifest", tenant_id=tenant, run_id=run_id, status=answer.status_code, digest=found.get("digest")
        )

    def _write(self, what: str, **fields: Any) -> None:
        self.lines += 1
        self._file.write(json.dumps({"at": time.time(), "what": what, **fields}) + "\n")
        self._file.flush()
