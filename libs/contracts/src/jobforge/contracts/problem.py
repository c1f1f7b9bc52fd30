"""Errors as RFC 9457 problem documents."""

from typing import Any

from pydantic import ConfigDict, Field

from jobforge.contracts.base import Value

MEDIA_TYPE = "application/problem+json"


class FieldProblem(Value):
    """One thing wrong with one field; ``pointer`` is an RFC 6901 JSON pointer into the body."""

    pointer: str
    code: str
    message: str


class Problem(Value):
    """What every error answer looks like. ``code`` is stable, ``detail`` is for people."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    trace_id: str | None = None
    errors: tuple[FieldProblem, ...] | None = Field(default=None)

    def to_bytes(self, **more: Any) -> bytes:
        """UTF-8 JSON without empty members."""
        return self.model_copy(update=more).model_dump_json(exclude_none=True).encode()
