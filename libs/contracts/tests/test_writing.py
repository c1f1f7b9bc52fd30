"""What is made and written without pydantic, since it was checked before, is what pydantic would make and write."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from jobforge.contracts.base import unchecked
from jobforge.contracts.jobs import JobError, JobRequested, RequestedBy
from jobforge.contracts.runs import (
    ArtifactWritten,
    Environment,
    ObjectRead,
    RequestSnapshot,
    RunFailed,
    RunStarted,
    RunSucceeded,
)

RUN = UUID("0190b6c2-0000-7000-8000-00000000000a")
DIGEST = "0" * 64
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-5)), timezone(timedelta(0), "zero")])
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2500, 1, 1), timezones=ZONES) | st.builds(
    datetime, st.just(2026), st.just(1), st.just(1), tzinfo=ZONES
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=6), JSON, max_size=4)
ENVIRONMENT = Environment(service="echo", version="1", python="3", platform="Linux", host="here")


def requested(inputs: dict[str, Any], *instants: datetime | None) -> dict[str, Any]:
    """A job request's fields."""
    made, start_by, at = instants
    return {
        "run_id": RUN,
        "tenant_id": "acme",
        "template_key": "settler.contract.process",
        "template_version": "1.0.0",
        "inputs": inputs,
        "body_digest": DIGEST,
        "trace_id": "trace_1",
        "requested_by": RequestedBy(actor_id="ann"),
        "replay_of": RUN,
        "attempts": 3,
        "key_made_at": made,
        "start_by": start_by,
        "requested_at": at,
    }


def snapshot(inputs: dict[str, Any], at: datetime) -> dict[str, Any]:
    """What an outcome says of its request."""
    return {
        "template_key": "settler.contract.process",
        "template_version": "1.0.0",
        "inputs": inputs,
        "inputs_digest": DIGEST,
        "trace_id": "trace_1",
        "requested_at": at,
    }


def outcome(inputs: dict[str, Any], began: datetime | None, ended: datetime) -> dict[str, Any]:
    """What all outcomes say."""
    return {
        "run_id": RUN,
        "tenant_id": "acme",
        "request": RequestSnapshot(**snapshot(inputs, ended)),
        "attempt": 1,
        "claim": "c",
        "worker": "w",
        "started_at": began,
        "finished_at": ended,
        "objects_read": (ObjectRead(kind="contracts", id="c", sha256=DIGEST),),
        "metrics": {"pages": 3.0, "share": 0.1},
        "environment": ENVIRONMENT,
        "tool_versions": {"pypdf": "5"},
    }


def as_pydantic(value: BaseModel) -> bytes:
    return value.model_dump_json().encode()


@given(OBJECTS, st.none() | INSTANTS, st.none() | INSTANTS, INSTANTS)
def test_a_request_is_the_same_bytes_as_pydantic_writes(
    inputs: dict[str, Any], made: datetime | None, start_by: datetime | None, at: datetime
) -> None:
    """Whatever its inputs and instants are: whole seconds, other time zones, integers that orjson cannot hold."""
    message = JobRequested(**requested(inputs, made, start_by, at))
    assert message.to_bytes() == as_pydantic(message)
    assert JobRequested.model_validate_json(message.to_bytes()) == message


@given(OBJECTS, OBJECTS, st.none() | INSTANTS, INSTANTS)
def test_an_outcome_is_the_same_bytes_as_pydantic_writes(
    inputs: dict[str, Any], outputs: dict[str, Any], began: datetime | None, ended: datetime
) -> None:
    """Success with artifacts and failure with its cause."""
    facts = outcome(inputs, began, ended)
    written = ArtifactWritten(name="a.pdf", media_type="application/pdf", size=2**40, sha256=DIGEST, location="x/y")
    error = JobError(code="job.failed", message="née \u2028", cause={"code": "a", "nested": outputs})
    for message in (
        RunSucceeded(**facts, outputs=outputs, artifacts=(written,)),
        RunFailed(**facts, error=error),
        RunFailed(**facts | {"request": None}, error=error),
    ):
        assert message.to_bytes() == as_pydantic(message)


@given(INSTANTS, st.none() | INSTANTS)
def test_a_start_is_the_same_bytes_as_pydantic_writes(began: datetime, deadline: datetime | None) -> None:
    """The third record of each job."""
    message = RunStarted(
        run_id=RUN, tenant_id="acme", attempt=1, claim="c", worker="w", started_at=began, deadline=deadline, fence=2
    )
    assert message.to_bytes() == as_pydantic(message)


def test_half_a_surrogate_pair_is_refused_as_pydantic_refuses_it() -> None:
    """It is no UTF-8: nothing with a hole in it is written instead."""
    message = JobRequested(**requested({"text": "\ud800"}, None, None, datetime(2026, 1, 1, 1, 1, 1, 1, tzinfo=UTC)))
    with pytest.raises(ValueError, match="surrogates"):
        message.to_bytes()


@given(OBJECTS, st.none() | INSTANTS, INSTANTS)
def test_an_unchecked_message_is_the_one_that_a_check_would_have_made(
    inputs: dict[str, Any], made: datetime | None, at: datetime
) -> None:
    """It compares, is copied and written like it, and its defaults are there."""
    for model, fields in ((JobRequested, requested(inputs, made, None, at)), (RequestSnapshot, snapshot(inputs, at))):
        quick, checked = unchecked(model)(**fields), model(**fields)
        assert quick == checked
        assert as_pydantic(quick) == as_pydantic(checked)
        assert quick.model_fields_set == checked.model_fields_set
        changed = {"dry_run": True}
        assert quick.model_copy(update=changed) == checked.model_copy(update=changed)


def test_an_unchecked_message_cannot_be_changed() -> None:
    """Its model is frozen, however it was made."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    quick = unchecked(RequestSnapshot)(**snapshot({}, at))
    with pytest.raises(ValueError, match="frozen"):
        quick.trace_id = "another"  # type: ignore[misc]
