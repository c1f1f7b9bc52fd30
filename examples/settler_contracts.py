"""Settler: tell JobForge of an uploaded contract, have it analysed and print what was found.

python examples/settler_contracts.py lease.pdf --tenant acme
"""

import argparse
import sys
from pathlib import Path
from uuid import UUID

from jobforge.client import JobForgeClient, JobForgeDisabled, generate_manifest_report, generate_trace_id


def on_contract_uploaded(jobforge: JobForgeClient, contract_id: str, tenant_id: str) -> None:
    """When a contract is uploaded."""
    jobforge.submit_event(
        tenant_id=tenant_id,
        event_type="settler.contract.uploaded",
        trace_id=generate_trace_id(),
        source_app="settler",
        source_module="core",
        subject={"type": "contract", "id": contract_id},
        payload={"contract_id": contract_id, "status": "pending_processing"},
        contains_pii=False,
    )


def request_contract_analysis(jobforge: JobForgeClient, contract_id: str, tenant_id: str) -> tuple[UUID, str]:
    """Request contract analysis; answers the job's id and its trace's."""
    result = jobforge.request_job(
        tenant_id=tenant_id,
        template_key="settler.contract.process",
        inputs={"contract_id": contract_id, "analysis_type": "full"},
        trace_id=generate_trace_id(),
        actor_id="settler-service",
    )
    return result.job.id, result.trace_id


def main() -> int:
    """Uploads the file and sees it through."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--tenant", default="acme")
    given = parser.parse_args()
    contract_id = given.file.stem

    with JobForgeClient() as jobforge:
        jobforge.put_object("contract", contract_id, given.file, tenant_id=given.tenant)
        try:
            on_contract_uploaded(jobforge, contract_id, given.tenant)
            job_id, trace_id = request_contract_analysis(jobforge, contract_id, given.tenant)
        except JobForgeDisabled as error:
            print(f"Not available: {error.message}", file=sys.stderr)
            return 1
        print(f"job {job_id}, trace {trace_id}", file=sys.stderr)
        job = jobforge.wait(job_id, given.tenant, timeout=120)
        manifest = jobforge.get_run_manifest(run_id=job.id, tenant_id=given.tenant)
        assert manifest is not None, "a run that was waited for has a manifest"
        print(generate_manifest_report(manifest))
    return 0 if job.status == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(main())
