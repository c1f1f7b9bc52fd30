"""The real Jaeger of the tests."""

import asyncio
import time

import httpx
import pytest

from jobforge.testkit.backends import Plane

TRACE_ID = "5b8efff798038103d269b633813fc60c"


@pytest.mark.real
async def test_a_span_that_was_sent_is_found_by_its_trace(plane: Plane) -> None:
    """What a service exports over HTTP can be read from the query API soon after."""
    now = time.time_ns()
    span = {
        "traceId": TRACE_ID,
        "spanId": "eee19b7ec3c1b174",
        "name": "a span",
        "kind": 1,
        "startTimeUnixNano": str(now - 1_000_000),
        "endTimeUnixNano": str(now),
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "testkit"}}]}
    document = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    async with httpx.AsyncClient(timeout=10) as client:
        sent = await client.post(f"{plane.otlp_endpoint}/v1/traces", json=document)
        assert sent.is_success
        async with asyncio.timeout(20):
            address = f"{plane.jaeger_url}/api/v3/traces/{TRACE_ID}"
            while (found := await client.get(address)).status_code != 200:  # noqa: ASYNC110 - Jaeger must be asked
                await asyncio.sleep(0.1)
    [resource_spans] = found.json()["result"]["resourceSpans"]
    assert resource_spans["scopeSpans"][0]["spans"][0]["name"] == "a span"
