"""Verification pack: have a site checked, get a detailed manifest and a report of it, and have that explained.

python examples/guide/06_verification_pack.py [target]

The target is a name in the file that the service's JOBFORGE_TARGETS_FILE names, or a URL that it allows.
"""

import os
import sys
import time
from typing import Any

from jobforge.client import JobForgeClient, generate_manifest_report, generate_trace_id

TENANT = os.environ.get("JOBFORGE_TENANT", "acme")


def run_verification_pack(
    jobforge: JobForgeClient, tenant_id: str, project_id: str, target: str = "production"
) -> dict[str, Any]:
    """Ask for a verification, wait for it, and report."""
    # 1. Submit verification event
    jobforge.submit_event(
        tenant_id=tenant_id,
        project_id=project_id,
        event_type="readylayer.verification.requested",
        trace_id=generate_trace_id(),
        source_app="readylayer",
        source_module="ops",
        payload={"verification_type": "full_audit", "checks": ["ssl", "performance", "accessibility"]},
        contains_pii=False,
    )

    # 2. Request verification job
    result = jobforge.request_job(
        tenant_id=tenant_id,
        project_id=project_id,
        template_key="autopilot.ops.scan",
        inputs={"target": target, "scan_type": "performance", "checks": ["ssl", "cdn", "cache"]},
        trace_id=generate_trace_id(),
    )

    # 3. Poll for completion
    job = poll_for_completion(jobforge, str(result.job.id), tenant_id)

    # 4. Get manifest
    manifest = jobforge.get_run_manifest(run_id=job.id, tenant_id=tenant_id)
    if manifest is None:
        raise RuntimeError(f"Job {job.id} has no manifest")

    # 5. Generate report
    report = generate_manifest_report(manifest, include_inputs=True, include_metrics=True, include_env=True)

    # 6. Have the run explained
    diagnosis = diagnose_run(jobforge, tenant_id, project_id, job)

    return {"job_id": job.id, "manifest": manifest, "report": report, "diagnosis": diagnosis}


def diagnose_run(jobforge: JobForgeClient, tenant_id: str, project_id: str, run: Any) -> dict[str, Any]:
    """What happened in a run that has ended, why, and what to do next, in the run's own trace."""
    result = jobforge.request_job(
        tenant_id=tenant_id,
        project_id=project_id,
        template_key="autopilot.ops.diagnose",
        inputs={"run_id": str(run.id)},
        trace_id=run.trace_id,
    )
    job = poll_for_completion(jobforge, str(result.job.id), tenant_id)
    manifest = jobforge.get_run_manifest(run_id=job.id, tenant_id=tenant_id)
    if manifest is None or manifest.outputs is None:
        raise RuntimeError(f"Job {job.id} explained nothing: {job.error}")
    return manifest.outputs


def poll_for_completion(jobforge: JobForgeClient, job_id: str, tenant_id: str, max_attempts: int = 60) -> Any:
    """The job when it has ended. ``jobforge.wait`` does the same with one held request instead of many."""
    for _ in range(max_attempts):
        job = jobforge.get_job(job_id, tenant_id)

        if job is None:
            raise LookupError(f"Job {job_id} not found")

        if job.status in ("succeeded", "failed", "canceled"):
            return job

        # Wait 1 second before next poll
        time.sleep(1)

    raise TimeoutError(f"Job {job_id} did not complete within {max_attempts}s")


def main() -> int:
    """Prints the report, and what it comes to."""
    with JobForgeClient() as jobforge:
        pack = run_verification_pack(jobforge, TENANT, "website", *sys.argv[1:2])
    print(pack["report"])
    print(f"Diagnosis: {pack['diagnosis']['summary']}")
    for number, step in enumerate(pack["diagnosis"]["steps"], 1):
        print(f"{number}. {step}")
    return 0 if pack["manifest"].status == "complete" else 1


if __name__ == "__main__":
    sys.exit(main())
