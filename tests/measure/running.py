"""One job of an evaluation, from its request to its manifest."""

from typing import Any

from jobforge.client import AsyncJobForgeClient
from jobforge.contracts.manifest import RunManifest

TENANT = "measure"


async def completed(
    client: AsyncJobForgeClient, template: str, inputs: dict[str, Any], *, timeout: float
) -> tuple[RunManifest, dict[str, Any]]:
    """The manifest of a job and its outputs; one that fails ends the evaluation. ``timeout`` is in seconds."""
    accepted = await client.request_job(tenant_id=TENANT, template_key=template, inputs=inputs)
    job = await client.wait(accepted.job.id, TENANT, timeout=timeout)
    manifest = await client.get_run_manifest(run_id=job.id, tenant_id=TENANT)
    if job.status != "succeeded" or manifest is None or manifest.outputs is None:
        raise SystemExit(f"{template} {job.status}: {job.error}")
    return manifest, dict(manifest.outputs)
