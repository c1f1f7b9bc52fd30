"""ReadyLayer: tell JobForge of an uploaded picture, have it optimized and save what came out, in async code.

python examples/readylayer_assets.py photograph.png out/ --tenant acme
"""

import argparse
import asyncio
import sys
from pathlib import Path
from uuid import UUID

from jobforge.client import AsyncJobForgeClient, generate_trace_id


async def on_asset_uploaded(jobforge: AsyncJobForgeClient, asset_id: str, tenant_id: str) -> None:
    """When an asset is uploaded."""
    await jobforge.submit_event(
        tenant_id=tenant_id,
        event_type="readylayer.asset.uploaded",
        trace_id=generate_trace_id(),
        source_app="readylayer",
        source_module="core",
        subject={"type": "asset", "id": asset_id},
        payload={"asset_id": asset_id, "optimization_pending": True},
        contains_pii=False,
    )


async def optimize_asset(jobforge: AsyncJobForgeClient, asset_id: str, tenant_id: str) -> UUID:
    """Optimize an asset for delivery."""
    result = await jobforge.request_job(
        tenant_id=tenant_id,
        template_key="readylayer.asset.optimize",
        inputs={"asset_id": asset_id, "formats": ["webp", "avif"], "sizes": [640, 1280, 1920]},
        trace_id=generate_trace_id(),
    )
    return result.job.id


async def optimize(file: Path, folder: Path, tenant_id: str) -> int:
    """Uploads the file, follows the job and saves its artifacts."""
    async with AsyncJobForgeClient() as jobforge:
        await jobforge.put_object("asset", file.stem, file, tenant_id=tenant_id)
        await on_asset_uploaded(jobforge, file.stem, tenant_id)
        job_id = await optimize_asset(jobforge, file.stem, tenant_id)
        async for job in jobforge.watch(job_id, tenant_id):
            print(job.status, job.progress.message if job.progress else "", file=sys.stderr)
        manifest = await jobforge.get_run_manifest(run_id=job_id, tenant_id=tenant_id)
        if manifest is None or manifest.status != "complete":
            print(f"failed: {manifest.error if manifest else 'no such run'}", file=sys.stderr)
            return 1
        for artifact in manifest.artifacts:
            print(await jobforge.save_artifact(job_id, artifact.name, folder / artifact.name, tenant_id))
    return 0


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tenant", default="acme")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    return asyncio.run(optimize(given.file, given.folder, given.tenant))


if __name__ == "__main__":
    sys.exit(main())
