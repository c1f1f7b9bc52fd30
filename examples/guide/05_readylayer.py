"""ReadyLayer: tell JobForge of an uploaded picture, and have it optimized for delivery.

python examples/guide/05_readylayer.py [photograph.png [folder for the variants]]
"""

import os
import sys
from pathlib import Path
from uuid import UUID

from jobforge.client import JobForgeClient, generate_trace_id

TENANT = os.environ.get("JOBFORGE_TENANT", "acme")
PHOTOGRAPH = Path(__file__).parents[2] / "libs/cli/src/jobforge/cli/demo_data/photograph.png"


def on_asset_uploaded(jobforge: JobForgeClient, asset_id: str, tenant_id: str) -> None:
    """When an asset is uploaded."""
    jobforge.submit_event(
        tenant_id=tenant_id,
        event_type="readylayer.asset.uploaded",
        trace_id=generate_trace_id(),
        source_app="readylayer",
        source_module="core",
        subject={"type": "asset", "id": asset_id},
        payload={"asset_id": asset_id, "optimization_pending": True},
        contains_pii=False,
    )


def optimize_asset(jobforge: JobForgeClient, asset_id: str, tenant_id: str) -> UUID:
    """Optimize an asset for delivery; sizes that are wider than the picture are skipped and named."""
    result = jobforge.request_job(
        tenant_id=tenant_id,
        template_key="readylayer.asset.optimize",
        inputs={"asset_id": asset_id, "formats": ["webp", "avif"], "sizes": [640, 1280, 1920]},
        trace_id=generate_trace_id(),
    )
    return result.job.id


def main() -> int:
    """Uploads a picture, and prints what became of it."""
    file = Path(sys.argv[1]) if sys.argv[1:] else PHOTOGRAPH
    with JobForgeClient() as jobforge:
        jobforge.put_object("asset", file.stem, file, tenant_id=TENANT)
        on_asset_uploaded(jobforge, file.stem, TENANT)
        job = jobforge.wait(optimize_asset(jobforge, file.stem, TENANT), TENANT, timeout=180)
        print(f"job {job.id} {job.status}")
        manifest = jobforge.get_run_manifest(run_id=job.id, tenant_id=TENANT)
        if manifest is None or manifest.outputs is None:
            print(job.error)
            return 1
        for variant in manifest.outputs["variants"]:
            saved = 100 * variant["saved_ratio"]
            print(f"{variant['name']}: {variant['bytes']} bytes, {saved:.0f} % saved, SSIM {variant['ssim']:.4f}")
        for skipped in manifest.outputs["skipped"]:
            print(f"{skipped['format']} {skipped['size']}: {skipped['reason']}")
        for artifact in manifest.artifacts if sys.argv[2:] else ():
            print(jobforge.save_artifact(job.id, artifact.name, Path(sys.argv[2]) / artifact.name, TENANT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
