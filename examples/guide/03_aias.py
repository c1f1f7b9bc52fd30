"""AIAS: tell JobForge that an agent has done its task, index documents, and search them.

python examples/guide/03_aias.py [document ...]
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from jobforge.client import JobForgeClient, generate_trace_id

TENANT = os.environ.get("JOBFORGE_TENANT", "acme")
DOCUMENTS = sorted((Path(__file__).parents[2] / "docs/adr").glob("*.md"))
QUESTION = "where do retries wait?"


def on_agent_task_complete(jobforge: JobForgeClient, agent_id: str, task_id: str, tenant_id: str) -> None:
    """When an agent completes a task."""
    jobforge.submit_event(
        tenant_id=tenant_id,
        event_type="aias.agent.task.completed",
        trace_id=generate_trace_id(),
        source_app="aias",
        source_module="core",
        subject={"type": "agent_task", "id": task_id},
        payload={"agent_id": agent_id, "task_id": task_id, "outcome": "success"},
        contains_pii=False,
    )


def index_documents(jobforge: JobForgeClient, document_ids: Sequence[str], tenant_id: str) -> UUID:
    """Index documents for retrieval."""
    result = jobforge.request_job(
        tenant_id=tenant_id,
        template_key="aias.knowledge.index",
        inputs={"document_ids": list(document_ids), "index_type": "vector"},
        trace_id=generate_trace_id(),
    )
    return result.job.id


def search(jobforge: JobForgeClient, query: str, tenant_id: str) -> UUID:
    """Find the passages that answer a query."""
    result = jobforge.request_job(
        tenant_id=tenant_id,
        template_key="aias.knowledge.search",
        inputs={"query": query, "k": 3},
        trace_id=generate_trace_id(),
    )
    return result.job.id


def main() -> int:
    """Indexes the files and prints the best passages for a question."""
    files = [Path(name) for name in sys.argv[1:]] or DOCUMENTS
    with JobForgeClient() as jobforge:
        on_agent_task_complete(jobforge, "librarian", "collect-documents", TENANT)
        for file in files:
            jobforge.put_object("document", file.stem, file, tenant_id=TENANT)
        indexed = jobforge.wait(index_documents(jobforge, [file.stem for file in files], TENANT), TENANT, timeout=180)
        print(f"index job {indexed.id} {indexed.status}")
        if indexed.error:
            print(f"{indexed.error.code}: {indexed.error.message}")
            return 1
        found = jobforge.wait(search(jobforge, QUESTION, TENANT), TENANT)
        manifest = jobforge.get_run_manifest(run_id=found.id, tenant_id=TENANT)
        if manifest is None or manifest.outputs is None:
            print(f"search job {found.id} {found.status}: {found.error}")
            return 1
        print(QUESTION)
        for hit in manifest.outputs["hits"]:
            print(f"{hit['score']:.3f} {hit['document_id']}: {' '.join(hit['passage'].split())[:200]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
