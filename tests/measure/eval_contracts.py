"""How well the plane reads real contracts, against what experts found in them, and how fast it reads a long one.

The 60 contracts are CUAD's (The Atticus Project, CC BY 4.0). The judge is a program of its own: it gets the labels and
a folder of outputs, and ends with one line of JSON that holds the F1 of each field.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from figures import Figure, at_least, below
from running import TENANT, completed

from jobforge.client import AsyncJobForgeClient
from jobforge.testkit.backends import Plane
from jobforge.testkit.processes import Services

TEMPLATE = "settler.contract.process"
AT_ONCE = 4
TARGETS = {
    "governing_law": 0.90,
    "agreement_date": 0.80,
    "effective_date": 0.65,
    "expiration_date": 0.45,
    "parties": 0.75,
    "clauses": 0.70,
}
"""F1 that each field must reach."""
LONG = 100
"""Pages of the long contract."""
PAGE = 3_000
"""Characters of one of its pages, which form feeds separate."""


async def measure(plane: Plane, folder: Path, data: Path, judge: Path) -> list[Figure]:
    """Start, process what ``data / "contracts"`` holds, have the outputs judged."""
    contracts = texts(data / "contracts" / "texts")
    async with Services(plane.environment(artifacts=folder / "artifacts"), logs=folder / "logs") as services:
        await services.start("ingestion", "manifest", "settler", timeout=300)
        doors = {"url": services["ingestion"].url, "query_url": services["manifest"].url}
        async with AsyncJobForgeClient(**doors, timeout=600) as client:
            gate = asyncio.Semaphore(AT_ONCE)

            async def one(name: str, content: bytes) -> tuple[str, Any]:
                async with gate:
                    outputs, _ = await processed(client, name, content)
                    return name, outputs

            found = dict(await asyncio.gather(*(one(*each) for each in contracts.items())))
            print(f"contracts: {len(found)}", flush=True)
            _, seconds = await processed(client, "long", long_contract(contracts.values()))
    keep(found, folder / "outputs")
    scores = await judged(judge, data / "contracts" / "labels.json", folder / "outputs")
    return [
        *(
            at_least(f"contracts: {field.replace('_', ' ')}, F1", scores[field], least)
            for field, least in TARGETS.items()
        ),
        below(f"contracts: one of {LONG} pages, seconds in the job", seconds, 3),
    ]


async def processed(client: AsyncJobForgeClient, name: str, content: bytes) -> tuple[dict[str, Any], float]:
    """Outputs of a contract, and the seconds that its run took; one that fails ends the evaluation."""
    await client.put_object("contract", name, content, tenant_id=TENANT, content_type="text/plain")
    inputs = {"contract_id": name, "analysis_type": "full"}
    manifest, outputs = await completed(client, TEMPLATE, inputs, timeout=600)
    return outputs, manifest.timings.ran_for or 0.0


def texts(folder: Path) -> dict[str, bytes]:
    """The contracts by name."""
    return {file.stem: file.read_bytes() for file in sorted(folder.glob("*.txt"))}


def keep(found: Mapping[str, Any], folder: Path) -> None:
    """Outputs as the judge wants them."""
    folder.mkdir()
    for name, outputs in found.items():
        (folder / f"{name}.json").write_text(json.dumps(outputs), encoding="utf-8")


def long_contract(contracts: Iterable[bytes]) -> bytes:
    """Real text of so many pages."""
    text = " ".join(content.decode(errors="replace").replace("\f", " ") for content in contracts)
    return "\f".join(text[at : at + PAGE] for at in range(0, LONG * PAGE, PAGE)).encode()


async def judged(judge: Path, labels: Path, outputs: Path) -> Mapping[str, float]:
    """What the judge says; one that fails ends the evaluation."""
    process = await asyncio.create_subprocess_exec(
        "python3", str(judge), str(labels), str(outputs), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"{judge} ended with {process.returncode}")
    scores: dict[str, float] = json.loads(said.decode().splitlines()[-1])
    return scores
