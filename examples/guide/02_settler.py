"""Settler: tell JobForge of an uploaded contract, and have it analysed.

python examples/guide/02_settler.py [contract.pdf]
"""

import os
import sys
from pathlib import Path

from jobforge.client import JobForgeClient, generate_trace_id

TENANT = os.environ.get("JOBFORGE_TENANT", "acme")
CONTRACT = Path(__file__).parents[2] / "libs/cli/src/jobforge/cli/demo_data/contract.pdf"


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


def request_contract_analysis(jobforge: JobForgeClient, contract_id: str, tenant_id: str) -> dict[str, str]:
    """Request contract analysis."""
    result = jobforge.request_job(
        tenant_id=tenant_id,
        template_key="settler.contract.process",
        inputs={"contract_id": contract_id, "analysis_type": "full"},
        trace_id=generate_trace_id(),
        actor_id="settler-service",
    )
    return {"job_id": str(result.job.id), "trace_id": result.trace_id}


def main() -> int:
    """Uploads a contract and prints what it commits to."""
    file = Path(sys.argv[1]) if sys.argv[1:] else CONTRACT
    with JobForgeClient() as jobforge:
        jobforge.put_object("contract", file.stem, file, tenant_id=TENANT)
        on_contract_uploaded(jobforge, file.stem, TENANT)
        requested = request_contract_analysis(jobforge, file.stem, TENANT)
        job = jobforge.wait(requested["job_id"], TENANT, timeout=120)
        print(f"job {job.id} {job.status}, trace {requested['trace_id']}")
        if job.error:
            print(f"{job.error.code}: {job.error.message}")
            return 1
        manifest = jobforge.get_run_manifest(run_id=job.id, tenant_id=TENANT)
        outputs = (manifest and manifest.outputs) or {}
        for field in ("title", "agreement_date", "effective_date", "expiration_date", "governing_law"):
            print(f"{field}: {outputs.get(field)}")
        for party in outputs.get("parties", ()):
            print(f"party: {party['name']} ({party['role']})")
        print("clauses: " + ", ".join(name for name, clause in outputs.get("clauses", {}).items() if clause["present"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
