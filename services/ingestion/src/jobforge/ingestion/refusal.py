"""Why something is not accepted, in words for the app that sent it."""

from jobforge.contracts.problem import FieldProblem

RETRY_AFTER = 2
"""Seconds after which a 503 is worth another try."""


class Refusal(Exception):
    """One request or record is not accepted: an HTTP status, a stable code, and what to do about it."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: tuple[FieldProblem, ...] | None = None,
        trace_id: str | None = None,
        outcome: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.trace_id = trace_id
        self.outcome = outcome


def invalid(pointer: str, code: str, message: str, *, trace_id: str | None = None) -> Refusal:
    """A refusal for one wrong field."""
    detail = f"{pointer or '/'}: {message}"
    return Refusal(
        422,
        "request.invalid",
        detail,
        errors=(FieldProblem(pointer=pointer, code=code, message=message),),
        trace_id=trace_id,
    )


def pointer(*parts: object) -> str:
    """The RFC 6901 pointer to a place in a JSON value; empty for the whole value."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
