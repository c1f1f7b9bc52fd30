"""Content drafts: have a blog article, an e-mail or social posts drafted on a topic.

python examples/guide/07_content_draft.py [topic [blog|email|social]]
"""

import os
import sys
from uuid import UUID

from jobforge.client import JobForgeClient, generate_trace_id

TENANT = os.environ.get("JOBFORGE_TENANT", "acme")


def request_content_draft(jobforge: JobForgeClient, topic: str, content_format: str, tenant_id: str) -> UUID:
    """Ask for a draft; with ``knowledge_index`` among the inputs it quotes what the tenant has indexed."""
    # Submit content request event
    jobforge.submit_event(
        tenant_id=tenant_id,
        event_type="growth.content.requested",
        trace_id=generate_trace_id(),
        source_app="aias",
        source_module="growth",
        payload={"topic": topic, "format": content_format, "requested_by": "marketing-team"},
        contains_pii=False,
    )

    # Request content draft job
    result = jobforge.request_job(
        tenant_id=tenant_id,
        template_key="autopilot.growth.content_draft",
        inputs={"topic": topic, "format": content_format, "tone": "professional", "target_audience": "technical"},
        trace_id=generate_trace_id(),
    )

    return result.job.id


def main() -> int:
    """Prints the draft and who wrote it."""
    topic, content_format = (*sys.argv[1:3], *("Retries that wait in topics", "blog")[len(sys.argv[1:3]) :])
    with JobForgeClient() as jobforge:
        job = jobforge.wait(request_content_draft(jobforge, topic, content_format, TENANT), TENANT, timeout=300)
        manifest = jobforge.get_run_manifest(run_id=job.id, tenant_id=TENANT)
    if manifest is None or manifest.outputs is None:
        print(f"job {job.id} {job.status}: {job.error}")
        return 1
    print(f"{manifest.outputs['title']}  (written by: {manifest.outputs['generator']})\n")
    print(manifest.outputs["body"])
    for number, source in enumerate(manifest.outputs["sources"], 1):
        print(f"[{number}] {source['document_id']}: {source['quote']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
