"""One HTTP exchange as data: what to send and how to read the answer, for whoever does the sending."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

import pydantic_core
from pydantic import BaseModel, ValidationError

from jobforge.client.errors import JobForgeInvalid, JobForgeNotFound, JobForgeUnexpectedAnswer, refusal
from jobforge.contracts.problem import Problem

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Door = Literal["ingestion", "query"]
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request, and how its answer is read. Every call may be repeated: it names itself with a key or only reads."""

    method: str
    path: str
    read: Callable[[Reply], T]
    door: Door = "ingestion"
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | Path | None = None
    patience: float = 0.0
    """Seconds that the door may hold the answer back on purpose."""
    repeats: bool = True
    """False where the caller has its own way to go on after a failure."""

    def query(self) -> dict[str, str]:
        """The query parameters that have a value, as text."""
        return {name: str(value) for name, value in self.params.items() if value is not None}

    def outcome(self, reply: Reply) -> T:
        """The value of an answer; raises the ``JobForgeError`` that it stands for."""
        check(reply)
        try:
            return self.read(reply)
        except (ValidationError, ValueError, KeyError) as error:
            raise JobForgeUnexpectedAnswer(
                f"{reply.url} answered what this client does not understand: {str(error)[:300]}",
                code="client.unexpected_answer",
                status=reply.status,
            ) from error


def check(reply: Reply) -> None:
    """Raises the error of a refusing answer."""
    if reply.status < 400:
        return
    try:
        problem = Problem.model_validate_json(reply.body)
    except ValidationError:
        raise _foreign(reply) from None
    raise refusal(problem, retry_after=_retry_after(reply.headers))


def _foreign(reply: Reply) -> Exception:
    """The error of an answer that is not a problem document, as a proxy or a wrong address would give."""
    if reply.status == 404:
        return JobForgeNotFound(
            f"{reply.url} answered 404: no such path there; JOBFORGE_URL must name the ingestion door and "
            "JOBFORGE_QUERY_URL the manifest door",
            code="client.wrong_door",
            status=404,
        )
    problem = Problem(
        title="Error", status=reply.status, code=f"http.{reply.status}", detail=f"{reply.url} answered {reply.status}"
    )
    return refusal(problem, retry_after=_retry_after(reply.headers))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``Retry-After`` asks for, given as seconds or as a date (then seen from the answer's own date)."""
    text = headers.get("retry-after", "")
    if text.isdigit():
        return float(text)
    try:
        wanted, now = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max((wanted - now).total_seconds(), 0.0)


def model(kind: type[M]) -> Callable[[Reply], M]:
    """Reads the whole answer as one model."""
    return lambda reply: kind.model_validate_json(reply.body)


def to_json(value: Any) -> bytes:
    """UTF-8 JSON; raises ``JobForgeInvalid`` (``client.not_json``) for what JSON cannot carry."""
    try:
        return pydantic_core.to_json(value, inf_nan_mode="constants")
    except (ValueError, TypeError, RecursionError) as error:
        raise JobForgeInvalid(f"what was given is not JSON: {error}", code="client.not_json") from error


def segment(text: object) -> str:
    """A value as one path segment; raises ``JobForgeInvalid`` for what would be another path."""
    name = str(text)
    if name in {"", ".", ".."}:
        raise JobForgeInvalid(f"{name!r} cannot be part of an address", code="client.bad_id")
    return quote(name, safe="")
