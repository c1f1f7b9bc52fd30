"""Keys: record the usage of API keys, and add it up by the hour.

python examples/guide/04_keys.py [usage.svg]
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from jobforge.client import JobForgeClient, generate_trace_id

TENANT = os.environ.get("JOBFORGE_TENANT", "acme")


def log_key_usage(jobforge: JobForgeClient, key_id: str, usage: dict[str, int], tenant_id: str) -> None:
    """Log API key usage: ``{"requests": ..., "bytes": ...}``."""
    jobforge.submit_event(
        tenant_id=tenant_id,
        event_type="keys.usage.recorded",
        trace_id=generate_trace_id(),
        source_app="keys",
        source_module="core",
        subject={"type": "api_key", "id": key_id},
        payload={"key_id": key_id, "requests": usage["requests"], "bytes_transferred": usage["bytes"]},
        contains_pii=False,
    )


def aggregate_usage(jobforge: JobForgeClient, tenant_id: str, period: str) -> UUID:
    """Aggregate usage metrics; a period is a month, a day, or ``start/end``."""
    result = jobforge.request_job(
        tenant_id=tenant_id,
        template_key="keys.usage.aggregate",
        inputs={"period": period, "granularity": "hourly"},
        trace_id=generate_trace_id(),
    )
    return result.job.id


def main() -> int:
    """Records usage of three keys, adds up those of today and, with a file named, saves the chart."""
    with JobForgeClient() as jobforge:
        today = datetime.now(UTC).date().isoformat()
        for number in range(1, 4):
            for requests in (number, 10 * number):
                log_key_usage(jobforge, f"key-{number}", {"requests": requests, "bytes": 1_500 * requests}, TENANT)
        job = jobforge.wait(aggregate_usage(jobforge, TENANT, today), TENANT, timeout=120)
        manifest = jobforge.get_run_manifest(run_id=job.id, tenant_id=TENANT)
        if manifest is None or manifest.outputs is None:
            print(f"job {job.id} {job.status}: {job.error}")
            return 1
        print(f"{today} (UTC): job {job.id} {job.status}")
        for figure in ("requests", "bytes_transferred", "events", "keys", "late_events", "repeated_events"):
            print(f"{figure}: {manifest.outputs[figure]}")
        table = jobforge.get_artifact(job.id, "usage.csv", TENANT).decode()
        print("\n".join(line for line in table.splitlines() if not line.endswith(",0,0")))
        if sys.argv[1:]:
            print(jobforge.save_artifact(job.id, "usage.svg", Path(sys.argv[1]), TENANT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
