"""The OpenAPI document is true, and nothing it allows or forbids makes the door answer 5xx."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok

Door = Any
"""``DoorInMemory`` of conftest.py."""


def test_both_hot_requests_are_documented_from_their_models(door: Door) -> None:
    """Bodies, answers and every problem."""
    document = door.app.openapi()
    job = document["paths"]["/v1/jobs"]["post"]
    assert job["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/JobSubmission")
    assert set(job["responses"]) == {"202", "400", "403", "404", "409", "413", "422", "431", "503"}
    assert "application/problem+json" in job["responses"]["409"]["content"]
    assert any(parameter["name"] == "idempotency-key" for parameter in job["parameters"])
    assert {"Problem", "FieldProblem", "EventSubmission", "JobAccepted"} <= set(document["components"]["schemas"])


def test_every_reference_in_the_document_resolves(door: Door) -> None:
    """No schema points at nothing."""
    document = door.app.openapi()

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [found for item in value.values() for found in references(item)]
        return [found for item in value for found in references(item)] if isinstance(value, list) else []

    names = {reference.removeprefix("#/components/schemas/") for reference in references(document)}
    assert names <= set(document["components"]["schemas"])


def test_generated_requests_never_get_5xx(door: Door) -> None:
    """Schemathesis tries what the document allows and what it forbids, on every operation."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", door.app)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == 12
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            answered = _try(operation, mode)
            assert answered or mode is GenerationMode.NEGATIVE


def _try(operation: Any, mode: GenerationMode) -> int:
    answered = 0

    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case: Any) -> None:
        nonlocal answered
        case.call_and_validate(checks=[not_a_server_error])
        answered += 1

    try:
        attempt()
    except Unsatisfiable:  # an operation that nothing can be wrong with
        return 0
    return answered
