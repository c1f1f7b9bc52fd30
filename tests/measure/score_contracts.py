"""Runs a folder of contracts through a running plane and keeps each one's outputs, ready to be scored.

usage: uv run python tests/measure/score_contracts.py CONTRACTS_DIR PREDICTIONS_DIR
           [--tenant NAME] [--window N] [--alone]

CONTRACTS_DIR holds .txt, .pdf or .docx files; PREDICTIONS_DIR gets one JSON file a contract, of the same name. The
plane is the one that JOBFORGE_URL and JOBFORGE_QUERY_URL name; with --alone the analysis runs here, without one.
Exit code 1 if any run did not succeed.
"""

import argparse
import json
import sys
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

from jobforge.client import JobForgeClient
from jobforge.settler.processing import process_contract
from jobforge.settler.tools import DocumentLimits

TYPES = {
    ".txt": "text/plain",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
TEMPLATE = "settler.contract.process"


def main() -> int:
    """Keep so many runs in flight as ``--window`` says, and write each as it ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contracts", type=Path)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("--tenant", default="measure")
    parser.add_argument("--window", type=int, default=8)
    parser.add_argument("--alone", action="store_true")
    given = parser.parse_args()
    given.predictions.mkdir(parents=True, exist_ok=True)
    files = sorted(path for path in given.contracts.iterdir() if path.suffix in TYPES)
    if given.alone:
        return _alone(files, given.predictions)
    failed = 0
    waiting: deque[tuple[Path, str]] = deque()
    with JobForgeClient() as client:
        for number, path in enumerate(files, 1):
            waiting.append((path, _requested(client, path, given.tenant)))
            while waiting and (len(waiting) >= given.window or number == len(files)):
                failed += not _kept(client, *waiting.popleft(), given.tenant, given.predictions)
    print(f"{len(files) - failed} of {len(files)} contracts processed into {given.predictions}")
    return 1 if failed or not files else 0


def _alone(files: list[Path], predictions: Path) -> int:
    bounds = DocumentLimits().bounds()
    for path in files:
        began = time.process_time()
        done = process_contract(path.read_bytes(), TYPES[path.suffix], "full", datetime.now(UTC).date(), bounds)
        (predictions / f"{path.stem}.json").write_text(json.dumps(done.outputs), encoding="utf-8")
        print(f"{path.name}: {done.pages} pages, {len(done.text)} characters, {time.process_time() - began:.2f} s")
    return 0 if files else 1


def _requested(client: JobForgeClient, path: Path, tenant: str) -> str:
    client.put_object("contract", path.stem, path, tenant_id=tenant, content_type=TYPES[path.suffix])
    inputs = {"contract_id": path.stem, "analysis_type": "full"}
    return str(client.request_job(tenant_id=tenant, template_key=TEMPLATE, inputs=inputs).job.id)


def _kept(client: JobForgeClient, path: Path, run_id: str, tenant: str, predictions: Path) -> bool:
    job = client.wait(run_id, tenant, timeout=300)
    manifest = client.get_run_manifest(run_id=run_id, tenant_id=tenant)
    if job.status != "succeeded" or manifest is None:
        print(f"{path.name}: {job.status} {job.error.code if job.error else ''}", file=sys.stderr)
        return False
    (predictions / f"{path.stem}.json").write_text(json.dumps(manifest.outputs), encoding="utf-8")
    return True


if __name__ == "__main__":
    sys.exit(main())
