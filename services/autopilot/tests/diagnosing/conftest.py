"""Runs that ended in every way, as their manifests tell it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from jobforge.autopilot.diagnosing.case import Case
from jobforge.contracts.jobs import Job as Run
from jobforge.contracts.jobs import JobError
from jobforge.contracts.manifest import Attempt, RunManifest, Timings
from jobforge.contracts.runs import Environment

ASKED = datetime(2026, 11, 24, 10, tzinfo=UTC)
RUN = UUID("00000000-0000-8000-8000-00000000000a")


def at(seconds: float) -> datetime:
    """So long after the request."""
    return ASKED + timedelta(seconds=seconds)


class Cases:
    """Makes cases: attempts are ``(began, ended or None, code or None)`` in seconds after the request."""

    def error(self, code: str, message: str = "it says why", **more: Any) -> JobError:
        """An error."""
        return JobError(code=code, message=message, **more)

    def spent(self, last: str, **more: Any) -> JobError:
        """The error of a run whose attempts are spent."""
        cause = {"code": last, "message": "it says why"}
        letter = "jobforge.dlq.echo/3@17"
        return JobError(code="job.attempts_exhausted", message="3 used", cause=cause, dead_letter=letter, **more)

    def __call__(
        self,
        *attempts: tuple[float, float | None, str | None],
        error: JobError | None = None,
        ended: float = 10,
        service: str = "echo",
        **more: Any,
    ) -> Case:
        """A case; one without an error succeeded."""
        status = "succeeded" if error is None else "canceled" if error.code == "job.canceled" else "failed"
        run = Run(
            id=RUN,
            tenant_id="acme",
            template_key=more.pop("template_key", "echo.message.reply"),
            status=status,
            error=error,
            trace_id="trace_1_abc",
            created_at=ASKED,
            finished_at=at(ended),
        )
        manifest = RunManifest(
            run_id=RUN,
            tenant_id="acme",
            template_key=run.template_key,
            status="complete" if error is None else "failed",
            attempts=tuple(self._attempt(n, *each) for n, each in enumerate(attempts, 1)),
            timings=Timings(requested_at=ASKED, finished_at=at(ended)),
            environment=Environment(service=service, version="1", python="3.11", platform="test", host="test"),
            error=error,
            inputs=more.pop("inputs", {}),
            outputs=more.pop("outputs", None),
        )
        return Case(run, manifest, **more)

    def _attempt(self, number: int, began: float, ended: float | None, code: str | None) -> Attempt:
        return Attempt(
            number=number,
            worker=f"echo@host:{number}",
            started_at=at(began),
            finished_at=None if ended is None else at(ended),
            outcome="lost" if ended is None else "failed" if code else "succeeded",
            error=self.error(code) if code else None,
        )


@pytest.fixture
def cases() -> Cases:
    return Cases()
