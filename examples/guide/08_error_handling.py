"""Error handling: every refusal says what is wrong, and has a code that never changes.

python examples/guide/08_error_handling.py
"""

import os
from collections.abc import Callable
from typing import Any

from jobforge.client import JobForgeClient, JobForgeError, JobForgeInvalid, generate_trace_id

TENANT = os.environ.get("JOBFORGE_TENANT", "acme")


def handled(what: str, send: Callable[[], Any]) -> None:
    """Sends, and says what came of it."""
    print(f"{what}:")
    try:
        sent = send()
    except JobForgeError as error:
        if "Template is disabled" in error.message:
            # Template not enabled
            print(f"  Template not available: {error.message}")
        elif "disabled" in error.message:
            # Feature flag is off
            print(f"  Execution plane feature not enabled: {error.message}")
        else:
            # Other error
            print(f"  Execution plane error: {error.status} {error.code}: {error.message}")
        if isinstance(error, JobForgeInvalid) and error.problem:
            for field in error.problem.errors:
                print(f"    {field.pointer}: {field.message}")
    else:
        print(f"  accepted, trace {sent.trace_id}")


def main() -> None:
    """Sends what is refused for one reason each, and what is accepted and fails when it runs."""
    with JobForgeClient() as jobforge:
        event = {
            "tenant_id": TENANT,
            "event_type": "settler.contract.uploaded",
            "trace_id": generate_trace_id(),
            "source_app": "settler",
        }

        def process(**inputs: Any) -> Any:
            return jobforge.request_job(tenant_id=TENANT, template_key="settler.contract.process", inputs=inputs)

        handled("an event", lambda: jobforge.submit_event(**event))
        handled("an event of an unknown app", lambda: jobforge.submit_event(**event | {"source_app": "nobody"}))
        handled("an unknown template", lambda: jobforge.request_job(tenant_id=TENANT, template_key="settler.no.such"))
        handled("wrong inputs", lambda: process(contract_id="../etc", analysis_type="thorough"))

        job = jobforge.wait(process(contract_id="never-uploaded").job.id, TENANT)
        print("a contract that was never uploaded:")
        if job.error:
            print(f"  the job {job.status}: {job.error.code}: {job.error.message}")


if __name__ == "__main__":
    main()
