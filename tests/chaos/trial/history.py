"""What every client did and saw, written to the client log that the history checker reads."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from jobforge.contracts.jobs import Job
from jobforge.contracts.manifest import RunManifest
from jobforge.ledger.client_log import Call, ClientLog, Reading
from trial.plan import TENANTS, Ask

AS_OF = "JobForge-As-Of"


class History:
    """The client log of one trial."""

    def __init__(self, path: Path, trial: str) -> None:
        self.path = path
        self._log = ClientLog(path, client=trial)
        self._marks = {f"{tenant}.{trial}": f"{tenant}.{trial}/".encode() for tenant in TENANTS}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._log.close()

    def asking(self, ask: Ask) -> Call:
        """A request is about to be sent."""
        return self._log.request(ask.tenant, ask.template, ask.key, ask.inputs)

    def asked(self, call: Call, answer: httpx.Response | None) -> None:
        """How the request ended."""
        if answer is None:
            call.info()
        elif answer.status_code == httpx.codes.ACCEPTED:
            call.ok(answer.json()["job"]["id"])
        else:
            problem = _problem(answer)
            unsure = answer.status_code >= 500 and problem.get("outcome", "unknown") == "unknown"
            (call.info if unsure else call.fail)(answer.status_code, problem.get("code"))

    def reading(self, tenant: str, run_id: str, what: str) -> Reading:
        """A run or its manifest is about to be read."""
        return self._log.reading(tenant, run_id, what)

    def read(self, reading: Reading, answer: httpx.Response | None) -> None:
        """What came."""
        if answer is None:
            reading.refused()
        elif answer.status_code != httpx.codes.OK:
            reading.refused(answer.status_code, _problem(answer).get("code"))
        elif reading.what == "job":
            reading.job(Job.model_validate_json(answer.content), foreign=self._foreign(reading, answer))
        else:
            manifest = RunManifest.model_validate_json(answer.content)
            foreign = self._foreign(reading, answer)
            reading.manifest(manifest, as_of=answer.headers.get(AS_OF), foreign=foreign)

    def _foreign(self, reading: Reading, answer: httpx.Response) -> list[str]:
        """The other tenants whose jobs' messages stand in an answer."""
        return [tenant for tenant, mark in self._marks.items() if tenant != reading.tenant and mark in answer.content]


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
